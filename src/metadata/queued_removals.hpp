// The removals that a datanode was ordered to carry out and has not come to yet: of each block one,
// and only as long as it is about the replica that was there when the namenode gave the order. An
// order may come twice, or late; meanwhile its replica may have gone and the block have been copied
// here once more, with the same generation, and by then the namenode counts on that copy. An order
// that is not taken, or that becomes void, is confirmed to nobody: the namenode gives it again if
// it still means it. Pure; owned by actors/replica_changes.hpp, whose lock keeps it in step with
// what the node tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "base/ids.hpp"
#include "metadata/block_report.hpp"

namespace minidfs::metadata {

// What the namenode had not heard of when it gave an order. Lives in the expression that asks.
struct Untold {
  const ChangeCollector& collected;     // To be told yet.
  const IncrementalReport& told_later;  // With a later heartbeat than it answered; in order of id.

  // Whether a replica of the block came to be there by it.
  bool brings(BlockId block) const;
};

class QueuedRemovals {
 public:
  // So many wait at a time.
  explicit QueuedRemovals(std::size_t most) : most_(most) {}

  enum class Taken : std::uint8_t {
    kNot,     // It may be about an earlier replica than is there now, or there is no room.
    kQueued,  // Its turn is to come once.
    kStands,  // One is queued already, which is to be carried out.
  };
  // An order that holds under the last fence: the replica of that generation or an older one goes.
  Taken order(BlockId block, std::uint64_t generation, const Untold& untold);
  // A replica of the block came to be there, or to count again: what was ordered before is void.
  void came(BlockId block);
  // Its turn has come, under the fence that it was queued under: the generation up to which the
  // replica goes, or nothing, when the order is void or from before the last fence.
  std::optional<std::uint64_t> take(BlockId block, std::uint64_t fence);
  // Whatever is queued is dropped. Numbers rise (metadata/membership.hpp).
  void fence(std::uint64_t number);

  std::size_t size() const { return queued_.size(); }

 private:
  struct Queued {
    std::uint64_t generation = 0;
    bool is_void = false;
  };

  std::size_t most_;
  std::uint64_t fence_ = 0;
  absl::flat_hash_map<BlockId, Queued> queued_;
};

}  // namespace minidfs::metadata
