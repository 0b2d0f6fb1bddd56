// A replica that becomes a file of its own. What is appended waits in memory for the disk's
// threads, which carry out one job of a file at a time:
//
//   append() --> pieces --> write job (kWrite): makes the file, writes what waits
//   append_from() --------> write job: writes what the source has
//   finish() ------------> once nothing waits: sync job (kSync): descriptor, sync, publish
//
// Whatever ends a file before it is published (an error, a disk that hangs, an abandoned writer)
// sets its failure once; its name, space and mark go when no job of it runs any more.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/blocks/large_output.hpp"
#include "storage/blocks/received_slices.hpp"
#include "storage/blocks/replica_writers.hpp"

namespace minidfs::storage {

class LargeFile : public std::enable_shared_from_this<LargeFile> {
 public:
  using Done = std::function<void(Result<ReplicaInfo>)>;
  using Lost = std::function<void(const Error&)>;

  LargeFile(WriterStart start, const LargeWriterOptions& options, ReplicaCatalog& catalog,
            SpaceLedger& ledger);

  Status append(std::span<const Slice> slices, std::span<const std::byte> stored,
                std::shared_ptr<const void> memory);
  bool append_from(std::shared_ptr<SliceSource> source, std::function<void()> done);
  void finish(Done done);
  void on_lost(Lost lost);
  void expect(Readers readers);
  void abandon();
  std::chrono::milliseconds stalled_for();

 private:
  // Space is promised to a writer without a hint in steps of this size.
  static constexpr std::uint64_t kReserveStepBytes = std::uint64_t{8} << 20;
  struct Piece {
    std::span<const std::byte> stored;
    std::shared_ptr<const void> memory;
  };
  // What append_from() was given, until it is answered.
  struct Pull {
    std::shared_ptr<SliceSource> source;
    std::function<void()> done;
  };
  Status take(const SliceSource::Slices& next);
  Status reserve(std::uint64_t end);
  void schedule_write();
  void schedule_sync();
  enum class Step : std::uint8_t { kWrite, kPull, kLater, kSync, kWait, kOver };
  Step next_step(std::uint64_t done_bytes, std::vector<Piece>& pieces);
  void write_job();
  void sync_job();
  bool open(std::vector<Piece>& pieces);
  bool go_elsewhere(std::vector<Piece>& pieces);
  Status write(std::span<const std::byte> stored);
  bool pull(std::uint64_t& done_bytes);
  void end_pull();
  Result<ReplicaInfo> publish();
  Status finish_file();
  void failed_here(const Error& error);
  void give_up(const Error& error);
  void answer(Result<ReplicaInfo> result);
  void end_job();
  void clean_up_soon();
  void clean_up_when_idle();
  void clean_up();
  const LargeWriterOptions& place();

  ReplicaCatalog& catalog_;
  SpaceLedger& ledger_;

  std::mutex mutex_;
  const LargeWriterOptions* options_;  // Of the disk that it is on.
  Received received_;
  Reservation reservation_;
  std::uint64_t reserved_;
  std::vector<Piece> pieces_;
  Pull pull_;
  Status failure_;
  Lost lost_;
  Done done_;
  Readers readers_ = Readers::kHere;
  bool finishing_ = false;
  bool scheduled_ = false;  // A job is queued or runs.
  bool running_ = false;
  bool opened_ = false;
  bool clean_up_due_ = false;
  bool cleaned_up_ = false;
  bool claimed_ = false;  // It is being published: nothing can fail it any more.

  // Of the job that runs.
  std::unique_ptr<LargeOutput> output_;
  std::uint64_t occupied_ = 0;  // What the reservation knows to stand in the file system.
};

}  // namespace minidfs::storage
