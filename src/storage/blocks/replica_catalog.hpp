// What the block store has, in memory: where each finished replica is, which blocks are being
// written, how full the packs are, who reads in them, and which changes the indexes still lack.
// The single point where a replica becomes visible or ceases to be. Thread-safe; does no I/O.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_set.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/blocks/block_index.hpp"
#include "storage/blocks/space_ledger.hpp"

namespace minidfs::storage {

// Kept for every replica, so it is small.
struct ReplicaLocation {
  std::uint64_t generation = 0;
  std::uint64_t length = 0;
  std::uint64_t stored_bytes = 0;
  std::uint32_t pack = 0;         // 0: a file of its own.
  std::uint32_t place_units = 0;  // Place in the pack, in units of kPackAlignmentBytes.
  std::uint16_t disk = 0;

  friend bool operator==(const ReplicaLocation&, const ReplicaLocation&) = default;

  std::uint64_t place() const { return place_units * kPackAlignmentBytes; }
  ReplicaInfo info(BlockId block) const { return {block, generation, length, stored_bytes}; }
  // What it takes on its disk.
  std::uint64_t disk_bytes(BlockId block) const {
    return pack == 0 ? file_bytes(info(block)) : packed_bytes(info(block));
  }
};

class ReplicaCatalog {
 public:
  ReplicaCatalog(std::size_t disk_count, SpaceLedger& ledger);

  // Writing. A block has one writer at a time. kAlreadyExists and kInUse as BlockStore::create.
  Status begin_write(BlockId block, std::uint64_t generation);
  void end_write(BlockId block);

  // Makes a durable replica visible and queues the change of the index. The location it replaced,
  // if any; kAlreadyExists when there is one of this generation or a newer one, and then the new
  // bytes are dead.
  Result<std::optional<ReplicaLocation>> publish(BlockId block, const ReplicaLocation& location);

  // Takes the replica out of sight; errors as BlockStore::remove. When `marked`, the block counts
  // as being written until the caller has unlinked its file and called end_write(), so that a new
  // replica does not meet the old one's name.
  struct Removed {
    ReplicaLocation location;
    bool marked = false;
  };
  Result<Removed> remove(BlockId block, std::uint64_t generation);

  // kNotFound, kStale. A replica in a pack counts as being read until release_reader().
  Result<ReplicaLocation> acquire_reader(BlockId block, std::uint64_t generation);
  void release_reader(const ReplicaLocation& location);

  std::vector<ReplicaInfo> list(BlockId after, std::size_t limit) const;
  // As BlockStore::take_new().
  static constexpr std::size_t kNewMax = 1 << 16;
  std::vector<ReplicaInfo> take_new(std::size_t limit);
  struct Place {
    BlockId block;
    ReplicaLocation location;
  };
  std::vector<Place> places(BlockId after, std::size_t limit) const;
  // Whether this is still where the replica is.
  bool is_at(BlockId block, const ReplicaLocation& location) const;
  std::uint64_t replica_count() const;

  // Packs. Nothing is appended to a pack any more once it is sealed.
  // Everything before `end` is published already.
  void begin_pack(std::size_t disk, std::uint32_t pack, bool sealed, std::uint64_t end);
  // Everything before `end` is published; the index may rely on it.
  void end_pack(std::size_t disk, std::uint32_t pack, std::uint64_t end, bool sealed);
  enum class PackFate : std::uint8_t { kNeeded, kRead, kDropped };
  // Forgets a sealed pack that holds nothing alive: kDropped, and the caller unlinks it; kRead when
  // only readers hold it.
  PackFate drop_pack_if_dead(std::size_t disk, std::uint32_t pack);
  bool is_read_between(std::size_t disk, std::uint32_t pack, std::uint64_t begin,
                       std::uint64_t end) const;

  // Whether replicas of a disk that hangs can be opened and are listed. In place of one that is
  // hidden the same replica may be written anew.
  enum class Access : std::uint8_t { kOpen, kSuspended, kHidden };
  void set_access(std::size_t disk, Access access);
  std::vector<ReplicaInfo> replicas_of(std::size_t disk) const;

  // The disk is lost: its replicas, which are returned, are out of sight, and none can be published
  // on it any more.
  std::vector<ReplicaInfo> fail_disk(std::size_t disk);

  // The changes that a disk's index lacks, in order. With `idle`, first waits until there are any;
  // then goes on collecting for `linger`. Returns at once after close().
  std::vector<IndexChange> take_changes(std::size_t disk, bool idle,
                                        std::chrono::milliseconds linger);
  // Lets take_changes() return although there are none.
  void wake(std::size_t disk);
  // All rows that the disk's index should have, which makes the changes before them needless.
  std::vector<IndexChange> take_all(std::size_t disk);
  void close();
  bool closed() const;

  // Recovery at open: what an index or a scan found. `indexed` says that the index has it.
  // Returns the location that must be cleaned up: the older of two replicas of one block.
  std::optional<ReplicaLocation> load(BlockId block, const ReplicaLocation& location, bool indexed);

 private:
  struct Pack {
    std::uint32_t live_count = 0;
    std::uint64_t end = 0;
    bool sealed = false;
    std::map<std::uint64_t, std::uint32_t> readers;  // By the record's place.
  };
  struct Disk {
    std::map<std::uint32_t, Pack> packs;
    std::vector<IndexChange> changes;
    bool failed = false;
    Access access = Access::kOpen;
    bool woken = false;
    std::condition_variable changed;
  };

  bool hidden(const ReplicaLocation& location) const {
    return disks_[location.disk]->access == Access::kHidden;
  }
  void insert(BlockId block, const ReplicaLocation& location, bool indexed);
  void erase_counts(BlockId block, const ReplicaLocation& location);
  void push(std::size_t disk, const IndexChange& change);

  SpaceLedger& ledger_;
  mutable std::mutex mutex_;
  absl::btree_map<std::uint64_t, ReplicaLocation> replicas_;  // By block id.
  absl::flat_hash_set<std::uint64_t> writing_;
  std::deque<std::uint64_t> new_;  // Blocks in the order of publish(), some of them gone again.
  std::vector<std::unique_ptr<Disk>> disks_;
  bool closed_ = false;
};

}  // namespace minidfs::storage
