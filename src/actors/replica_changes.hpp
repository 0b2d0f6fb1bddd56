// What happened to a datanode's replicas since the last heartbeat, for each namenode that is told
// so. Filled by the data server's threads, the scrubber, failing disks and the actor that carries
// out orders; emptied by the datanode actor. Keeps the removals that were ordered as well, as what
// happens to a replica decides whether an order to remove it still holds. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "actors/datanode_messages.hpp"
#include "metadata/block_report.hpp"
#include "metadata/memberships.hpp"
#include "metadata/queued_removals.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::actors {

class ReplicaChanges final : public transfer::DataServerEvents {
 public:
  // Blocks in one heartbeat: a lost disk may have held millions.
  static constexpr std::size_t kBlocksPerHeartbeatMax = 4'096;
  // Removals that wait. More are not accepted, so that the namenode orders them again.
  static constexpr std::size_t kRemovalsMax = 4'096;

  // More are not kept for one whom nobody tells.
  static constexpr std::size_t kUntoldMax = 1'000'000;

  // Who is told: a number of the datanode actor's (metadata/memberships.hpp).
  using Listener = metadata::MembershipNumber;
  // From now on changes are kept for it. Nothing is for one that is forgotten, or was never named.
  void listen(Listener listener);
  void forget(Listener listener);

  // `bad_found` is called after each bad replica; it must not block. To be set before others know
  // this object.
  void on_bad_found(std::function<void()> bad_found) { bad_found_ = std::move(bad_found); }
  // Where to look what is there when a replica was stored or removed: two of one block that happen
  // close together are told of in any order. To be set likewise; none: what is told is believed.
  void look_in(storage::BlockStore& store) { store_ = &store; }

  void replica_stored(const storage::ReplicaInfo& replica) override;
  void replica_corrupt(BlockId block, std::uint64_t generation, std::string reason) override;
  void replica_removed(BlockId block, std::uint64_t generation);
  // They are out of reach with their disk, or back with it as they were.
  void replicas_unreachable(std::span<const storage::ReplicaInfo> replicas);
  void replicas_back(std::span<const storage::ReplicaInfo> replicas);

  // These were found bad before, by another process of this node, says the namenode.
  void doubt(std::span<const metadata::Block> replicas);
  // What is known to be bad, and still there, is told once more: to a namenode that may not know.
  void tell_bad_again(storage::BlockStore& store, Listener listener);
  // The number of the last finding that the replica is bad; 0 when none stands.
  std::uint64_t finding(const storage::ReplicaInfo& replica) const;
  // The replica was read after that finding and is whole: it counts again, unless it has been found
  // bad once more since.
  void replica_whole(const storage::ReplicaInfo& replica, std::uint64_t finding);
  // Takes the blocks whose replicas were called bad for the first time.
  std::vector<BlockId> take_unchecked();

  // Whether this generation or an older one was found bad and has not been removed or replaced.
  bool is_bad(BlockId block, std::uint64_t generation) const;

  // The changes to deliver now; the caller has to see to it.
  metadata::IncrementalReport take(Listener listener);
  // Puts back what could not be delivered; what came since decides.
  void put_back(Listener listener, const metadata::IncrementalReport& report);
  // So much happened that is not told yet that some of it is lost: the listener has to be told
  // everything. True once; from then on changes are kept again.
  bool take_overflow(Listener listener);

  // --- Ordered removals (metadata/queued_removals.hpp) ---

  // Those among the listener's orders whose turn is to come, each once. `told_later` was told with
  // a later heartbeat than the one that these answer.
  std::vector<BlockId> accept(Listener listener, std::span<const RemoveOrder> orders,
                              const metadata::IncrementalReport& told_later);
  // Nothing when the order is void, or from before the last fence.
  std::optional<RemoveOrder> take_removal(BlockId block, std::uint64_t fence);
  void fence_removals(std::uint64_t fence);
  std::size_t removals_queued() const;

 private:
  void tell_what_is_there(const metadata::Block& replica, bool stored);

  std::function<void()> bad_found_;
  storage::BlockStore* store_ = nullptr;
  mutable std::mutex mutex_;
  struct Untold {
    metadata::ChangeCollector changes;
    bool overflowed = false;
  };
  // Tells every listener, under the lock.
  template <class Tell>
  void tell_all(const Tell& tell);
  std::map<Listener, Untold> untold_;
  metadata::QueuedRemovals removals_{kRemovalsMax};
  struct Bad {
    std::uint64_t generation = 0;
    std::uint64_t finding = 0;
  };
  void note_bad(BlockId block, std::uint64_t generation);
  const Bad* standing(const storage::ReplicaInfo& replica) const;

  std::uint64_t findings_ = 0;             // Counted.
  absl::flat_hash_map<BlockId, Bad> bad_;  // At most kBadMax.
  std::vector<BlockId> unchecked_;         // Likewise.
};

}  // namespace minidfs::actors
