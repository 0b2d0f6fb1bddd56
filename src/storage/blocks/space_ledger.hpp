// The space of the block store's disks: what replicas take, what is promised to writers, and what
// can still be taken. Thread-safe; only refresh() and the constructor ask the file systems.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::storage {

class SpaceLedger {
 public:
  struct Limits {
    std::uint64_t reserved_bytes = 0;  // Left free on every file system.
    std::uint64_t capacity_bytes = 0;  // Over all disks; 0: as large as the disks.
  };
  SpaceLedger(std::vector<std::string> directories, Limits limits);

  // The disk for a new replica, drawn at random weighted by free space, with `bytes` promised on
  // it. kNoSpace when no disk can take them.
  Result<std::size_t> reserve_anywhere(std::uint64_t bytes);
  // Promises more on the same disk.
  Status reserve(std::size_t disk, std::uint64_t bytes);
  // `bytes` of a promise now stand in the file system, whose free space shows them from here on.
  void wrote(std::size_t disk, std::uint64_t bytes);
  // Ends a promise of `reserved` bytes of which `written` were written.
  void release(std::size_t disk, std::uint64_t reserved, std::uint64_t written);

  void add_replica(std::size_t disk, std::uint64_t bytes);
  void remove_replica(std::size_t disk, std::uint64_t bytes);
  // Asks the disk's file system for its size and free space. Errors leave it without room.
  void refresh(std::size_t disk);
  // A disk that hangs takes nothing new until it is back.
  void suspend(std::size_t disk, bool suspended);
  // The disk is lost: it has no room, and what it held no longer counts.
  void fail(std::size_t disk);
  // What the current pack has allocated but not filled: free for replicas, though the file system
  // does not say so.
  void set_pack_slack(std::size_t disk, std::uint64_t bytes);

  std::uint64_t disk_free(std::size_t disk) const;
  // All fields but `replicas`.
  StoreUsage usage() const;

 private:
  struct Disk {
    std::string directory;
    std::uint64_t device = 0;  // Disks of one device share its free space.
    std::uint64_t replica_bytes = 0;
    std::uint64_t promised_bytes = 0;   // To writers, written or not.
    std::uint64_t unwritten_bytes = 0;  // Of these, not yet in the file system.
    std::uint64_t pack_slack_bytes = 0;
    // Of its file system at the last refresh(), less what was written since.
    std::uint64_t size_bytes = 0;
    std::uint64_t free_bytes = 0;
    bool suspended = false;
    bool failed = false;
  };
  struct Device {
    std::uint64_t size_bytes = 0;
    std::uint64_t free_bytes = 0;  // After what is reserved and promised.
  };

  Device device_of(const Disk& disk) const;
  std::uint64_t used_bytes() const;
  std::uint64_t free_bytes(const Disk& disk) const;
  void promise(Disk& disk, std::uint64_t bytes);
  Error no_space(std::uint64_t bytes, std::uint64_t free) const;

  const Limits limits_;
  mutable std::mutex mutex_;
  std::vector<Disk> disks_;
  std::uint64_t random_state_;
};

// A promise of space to one writer; gives it back when destroyed. Not thread-safe.
class Reservation {
 public:
  Reservation() = default;
  Reservation(SpaceLedger& ledger, std::size_t disk, std::uint64_t bytes)
      : ledger_(&ledger), disk_(disk), bytes_(bytes) {}
  Reservation(Reservation&& other) noexcept { swap(other); }
  Reservation& operator=(Reservation&& other) noexcept {
    Reservation taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Reservation() {
    if (ledger_ != nullptr) ledger_->release(disk_, bytes_, written_);
  }

  // Makes room for `bytes` in all.
  Status grow_to(std::uint64_t bytes);
  void wrote(std::uint64_t bytes);

 private:
  void swap(Reservation& other) {
    std::swap(ledger_, other.ledger_);
    std::swap(disk_, other.disk_);
    std::swap(bytes_, other.bytes_);
    std::swap(written_, other.written_);
  }

  SpaceLedger* ledger_ = nullptr;
  std::size_t disk_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace minidfs::storage
