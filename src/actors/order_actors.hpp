// The actors of a datanode that carry out the namenode's orders on the block store. Detached, as
// they wait for the disk and for other datanodes.
#pragma once

#include <atomic>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "actors/interfaces.hpp"
#include "actors/replica_changes.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/replica_copy.hpp"

namespace minidfs::actors {

// How a copy ended. The new replicas are reported by the nodes that have them.
struct CopyDone {
  bool source_failed = false;
  std::vector<metadata::Endpoint> failed_targets;
};

// Removes replicas, one after another.
using OrderActor = caf::typed_actor<caf::reacts_to<RemoveOrder>>;
// Sends replicas to other datanodes, one after another.
using CopyActor = caf::typed_actor<caf::replies_to<CopyOrder>::with<CopyDone>>;

// What a copy actor works with; everything pointed to outlives it.
struct CopyParts {
  storage::BlockStore* store = nullptr;
  ReplicaChanges* changes = nullptr;
  std::uint64_t bytes_per_second = 0;           // 0: as fast as it goes.
  const std::atomic<bool>* stopping = nullptr;  // Then every copy ends at once, as failed.
};

// With `keep_corrupt` a copy of a bad replica is kept when it is removed.
OrderActor::behavior_type order_actor(OrderActor::pointer self, storage::BlockStore* store,
                                      ReplicaChanges* changes, bool keep_corrupt);

struct CopyActorState {
  static inline const char* name = "copier";
  std::optional<transfer::ReplicaCopier> copier;  // Made for the first order.
};
CopyActor::behavior_type copy_actor(CopyActor::stateful_pointer<CopyActorState> self,
                                    CopyParts parts);

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::CopyDone)
