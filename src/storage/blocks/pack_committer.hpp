// Appends small replicas to the current pack of one disk: whatever has gathered while the previous
// group was on its way to the disk goes out with one write and one sync. Owns a thread, on which it
// also calls the writers' `done`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/disk_threads.hpp"
#include "storage/blocks/replica_catalog.hpp"
#include "storage/blocks/space_ledger.hpp"
#include "storage/blocks/work_queue.hpp"

namespace minidfs::storage {

struct PackJob {
  ReplicaInfo info;
  std::vector<Slice> slices;
  std::vector<std::byte> stored;
  Reservation reservation;
  std::function<void(Result<ReplicaInfo>)> done;
  // Set when the replica is already lost: the job then only carries the answer.
  Status status;
  // Who answers: the committer once it can no longer fail, or give_up() before that.
  enum class Claim : std::uint8_t { kNone, kCommitted, kGivenUp };
  std::atomic<Claim> claim{Claim::kNone};
};
using PackJobPtr = std::shared_ptr<PackJob>;

class PackCommitter {
 public:
  struct Options {
    std::string directory;  // .../packs
    DiskId disk;
    std::uint16_t disk_number = 0;
    std::uint64_t pack_size_bytes = 0;
    Durability durability = Durability::kSync;
    std::uint32_t next_pack = 1;  // No pack of this or a higher number has ever been.
    std::uint32_t open_pack = 0;  // A pack to go on with, or 0.
    std::uint64_t open_pack_end = 0;
    // Takes what the operator should know.
    std::function<void(std::string)> notice;
    // Is told of errors of writing and syncing.
    std::function<void(const Error&)> write_failed;
    // Calls back about the replica that a new one replaced.
    std::function<void(BlockId, const ReplicaLocation&)> replaced;
    DiskThreads* threads = nullptr;  // Learns of the calls made here.
  };
  PackCommitter(Options options, ReplicaCatalog& catalog, SpaceLedger& ledger);
  ~PackCommitter();  // Commits what was submitted.
  PackCommitter(const PackCommitter&) = delete;
  PackCommitter& operator=(const PackCommitter&) = delete;

  // The block must be marked as being written; the mark is taken off before `done` is called.
  void submit(PackJobPtr job) { queue_.push(std::move(job)); }

  // The disk hangs: answers all that was submitted and is not yet committed. Thread-safe.
  void give_up(const Error& error);
  std::chrono::milliseconds stalled_for() const { return options_.threads->stalled_for(); }

 private:
  struct Placed {
    PackJob* job = nullptr;
    std::uint64_t offset = 0;
    EncodedDescriptor descriptor;
  };

  void run();
  void commit(const std::vector<PackJobPtr>& jobs);
  Status ensure_room(std::uint64_t bytes);
  Status begin_pack();
  void seal_pack();
  void allocate();
  void commit_group(std::vector<Placed>& group, std::uint64_t end);
  Status write_group(const std::vector<Placed>& group);
  void finish(PackJob& job, Result<ReplicaInfo> result);
  void end(PackJob& job);
  Result<ReplicaInfo> publish(const Placed& placed);
  void show_slack();

  const Options options_;
  ReplicaCatalog& catalog_;
  SpaceLedger& ledger_;
  WorkQueue<PackJobPtr> queue_;
  std::mutex working_mutex_;
  std::vector<PackJobPtr> working_;  // What the thread has taken.

  // The thread's own.
  UniqueFd fd_;
  std::string path_;
  std::uint32_t pack_ = 0;  // 0: none.
  std::uint32_t next_pack_ = 1;
  std::uint64_t end_ = 0;
  std::uint64_t allocated_ = 0;  // How far allocate() has been tried.
  bool has_slack_ = false;       // Whether it has succeeded.
  std::thread thread_;
};

}  // namespace minidfs::storage
