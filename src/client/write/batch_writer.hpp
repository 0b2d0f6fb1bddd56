// Writes a batch of small local files: one request for a pipeline through which all their blocks
// go, and one commit, in which each of them still becomes visible as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "client/client_context.hpp"
#include "client/failures.hpp"
#include "client/progress_meter.hpp"
#include "client/write/block_source.hpp"
#include "client/write/block_writer.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {

struct SmallFile {
  const LocalFile* file = nullptr;
  std::uint64_t length = 0;  // As it is said to be; what can be read counts.
};

// Shared by all batches of one call. All references outlive the writers.
struct BatchJob {
  ClientContext& context;
  const FileSettings& settings;
  std::size_t bytes_max;  // What a small file may have when it is read; fits in one block.
  Failures& failures;
  ProgressMeter& progress;
};

// What batches achieved, and the files that have turned out to be no small ones.
struct BatchReport {
  WriteReport written;
  std::vector<const LocalFile*> large;
};

// Writes batches, one after another. For one thread.
class BatchWriter {
 public:
  explicit BatchWriter(const BatchJob& job);

  // Files that cannot be read or stored are noted in the job's failures and stop none of the
  // others. An error is one that the next batch would meet as well.
  Status write(std::span<const SmallFile> batch);

  BatchReport take_report() { return std::move(report_); }

 private:
  struct Entry {
    const LocalFile* file;
    std::unique_ptr<SmallFileSource> source;
    bool left = false;   // It failed, exists already, or is large: nothing of it is committed.
    bool empty = false;  // So it needs no block.
    std::optional<Attributes> attributes{};  // To be preserved.
    StoredBlock stored{};
  };

  void leave(Entry& entry, Error error);
  void leave_unreadable(Entry& entry, Error error);
  void look_into(Entry& entry);
  std::vector<Entry*> to_send();
  Result<Pipeline> first_pipeline();
  Status leave_refused(const std::vector<Entry*>& entries);
  Status store_blocks();
  Status commit();
  void add_stored(const Entry& entry);

  const BatchJob& job_;
  std::optional<WriteSession> session_;
  std::unique_ptr<SendingThread> thread_;  // From the first batch on.
  std::vector<std::byte> memory_;          // Of the file that is read at the moment.
  std::vector<Entry> entries_;
  BatchReport report_;
};

}  // namespace minidfs::client
