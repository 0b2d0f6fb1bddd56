// Writes one file: workers cut its blocks off their source and have them stored, several at a time;
// one commit then makes it visible as a whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "client/write/block_source.hpp"
#include "client/write/block_writer.hpp"
#include "client/write/file_blocks.hpp"
#include "client/write/write_session.hpp"
#include "storage/blocks/slice_codec.hpp"

namespace minidfs::client {

// WriteOptions with the defaults of Options filled in and checked.
struct FileSettings {
  bool overwrite = false;
  bool keep_existing = false;
  bool preserve = false;
  std::uint8_t replication = 0;
  std::uint64_t block_size = 0;
  std::string compression_text;
  storage::Compression compression;
};
Result<FileSettings> file_settings(const Options& options, const WriteOptions& write);

// What the namenode is told about a file, but for its blocks. `attributes` are those to preserve.
FinishedFile finished_file(const Options& options, const FileSettings& settings,
                           const std::string& path, const std::optional<Attributes>& attributes);

// Blocks until the file is visible. Adds to `progress`; does not finish it.
Result<WriteReport> write_one_file(ClientContext& context, const std::string& path, Source& source,
                                   const FileSettings& settings, ProgressMeter& progress);

// Blocks until what the source has is visible at the end of the file at `path`.
Result<WriteReport> append_to_file(ClientContext& context, const std::string& path, Source& source,
                                   ProgressMeter& progress);

class FileWriter {
 public:
  // REQUIRES: all outlive this.
  FileWriter(ClientContext& context, const std::string& path, const FileSettings& settings,
             ProgressMeter& progress, const StagingOptions& staging = {});
  // Adds to a file. REQUIRES: the settings are the file's.
  FileWriter(ClientContext& context, const GrowingFile& file, const FileSettings& settings,
             ProgressMeter& progress, const StagingOptions& staging = {});

  // All that follows. Once.
  Result<WriteReport> write(Source& source);

  // Block `index` is stored; given once. May stage a part, which takes as long as the namenode
  // does. Thread-safe.
  Status add(std::uint64_t index, StoredBlock block);
  // Makes the file visible with its first `blocks` blocks, all of which were added; of one to which
  // is added with so many more.
  Result<WriteReport> commit(const std::optional<Attributes>& attributes, std::uint64_t blocks);

 private:
  void work();
  bool write_next(std::unique_ptr<SendingThread>& thread);
  Result<Pipeline> next_pipeline(bool expected);
  PipelineDemand demand(std::uint64_t block_size) const;
  void pass_on(std::unique_lock<std::mutex>& turn);
  void note_end(std::uint64_t index, std::uint64_t length);
  void join_workers();
  bool fail(Error error);
  Status stage(FilePart part);
  Status commit_growth(std::vector<StoredBlock> blocks);
  Status commit_file(FinishedFile file);

  ClientContext& context_;
  const std::string path_;
  const FileSettings& settings_;
  ProgressMeter& progress_;
  std::optional<GrowingFile> growing_;  // None: the file is new. Of whoever stages.
  WriteSession session_;

  // Whoever holds the turn may cut. Of a stream it is kept until the block was read to its end.
  std::mutex turn_;
  std::unique_ptr<BlockCutter> cutter_;
  std::uint64_t next_ = 0;             // The next block to cut.
  std::uint64_t end_ = UINT64_MAX;     // The first block that the file has not, once that is known.
  std::vector<std::jthread> workers_;  // Beside the caller's thread.
  std::size_t workers_max_ = 0;
  std::atomic<bool> stop_{false};

  std::mutex mutex_;
  std::optional<Error> error_;  // The first one.
  FileBlocks stored_;
  bool staging_ = false;
};

}  // namespace minidfs::client
