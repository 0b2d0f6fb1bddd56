// Fetches the files of a part of one directory: the work of one thread of the tree reader.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "net/blocking_loop.hpp"
// The above comes first: see net/asio.hpp.
#include "actors/messages.hpp"
#include "client/client_context.hpp"
#include "client/failures.hpp"
#include "client/progress_meter.hpp"
#include "client/read/block_reader.hpp"
#include "client/read/local_output.hpp"
#include "client/read/replica_pool.hpp"

namespace minidfs::client {

struct TreeBatch {
  std::string path;  // Of the directory, here and there.
  std::string local_path;
  Existing existing = Existing::kKept;
  std::vector<actors::LocatedFile> files;
};

// One file whose first blocks are located already, with all the care of file_reader.hpp. With
// ReadOptions::salvage also a damaged one is stored, and kCorrupt says what of it is missing.
Status fetch_file(ClientContext& context, const std::string& path, LocalOutput output,
                  const actors::LocatedFile& file, const ReadOptions& options,
                  ProgressMeter& progress);

// For one thread. REQUIRES: the options outlive it.
class BatchFetcher {
 public:
  BatchFetcher(ClientContext& context, const ReadOptions& options, ProgressMeter& progress,
               Failures& failures)
      : context_(context), options_(options), progress_(progress), failures_(failures) {}

  // An error is one that every other file would meet as well.
  Status fetch(TreeBatch& batch);

 private:
  using Files = std::vector<actors::LocatedFile*>;
  // What one datanode is asked for.
  struct Group {
    const metadata::ReplicaLocation* location = nullptr;
    Files files{};
    ReplicaConnection connection{};
    std::size_t requested = 0;  // The first ones of the files.
  };

  std::chrono::milliseconds patience() const;  // 0: the usual time-outs.
  void give_up(const metadata::ReplicaLocation& location);
  const metadata::ReplicaLocation* best_location(const actors::LocatedFile& file) const;
  Status fetch_singly(const TreeBatch& batch, const actors::LocatedFile& file);
  void begin(Group& group);
  // Files that could not be had over the one connection are added to `left`.
  void fetch_from(Group& group, const TreeBatch& batch, Files& left);
  void receive_all(Group& group, const TreeBatch& batch, Files& left);
  bool receive_one(transfer::ReplicaClient& client, const TreeBatch& batch,
                   const actors::LocatedFile& file);

  Result<LocalOutput> create(const TreeBatch& batch, const metadata::FileStatus& file) const;

  ClientContext& context_;
  const ReadOptions& options_;
  ProgressMeter& progress_;
  Failures& failures_;
  FailedNodes failed_nodes_;
  std::shared_ptr<net::BlockingLoop> loop_;  // Of the thread, for all datanodes.
};

}  // namespace minidfs::client
