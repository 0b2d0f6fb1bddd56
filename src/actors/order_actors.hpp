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
#include "metadata/membership.hpp"
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/datanode_epoch.hpp"
#include "transfer/replica_copy.hpp"

namespace minidfs::actors {

// The number of the last fence (metadata/membership.hpp): copies that carry a lower one are dropped
// when their turn comes. Raised by the datanode actor, read by those that copy.
using OrderGate = std::atomic<std::uint64_t>;

// Each removal is carried out if ReplicaChanges says so when its turn has come.
struct RemoveBatch {
  std::uint64_t fence = 0;
  std::vector<BlockId> blocks;
};
struct FencedCopy {
  std::uint64_t fence = 0;
  CopyOrder order;
};

// How a copy ended. The new replicas are reported by the nodes that have them.
struct CopyDone {
  bool source_failed = false;
  std::vector<metadata::Endpoint> failed_targets;
};

// Removes replicas, one after another, and keeps the known epoch on disk. It does so in the order
// of its mailbox: the answer to a fence means that no order from before it is left, and orders from
// after it are carried out only when the epoch that gave them is on disk.
using OrderActor = caf::typed_actor<caf::reacts_to<RemoveBatch>,
                                    caf::replies_to<metadata::FenceOrders>::with<bool>,
                                    caf::reacts_to<metadata::KeepKnown>>;
// Sends replicas to other datanodes, one after another.
using CopyActor = caf::typed_actor<caf::replies_to<FencedCopy>::with<CopyDone>>;

// What the order actor works with; everything pointed to outlives it.
struct OrderParts {
  storage::BlockStore* store = nullptr;
  ReplicaChanges* changes = nullptr;
  storage::DatanodeEpoch* epoch = nullptr;
  bool keep_corrupt = false;  // A copy of a bad replica is kept when it is removed.
};

// What a copy actor works with; everything pointed to outlives it.
struct CopyParts {
  storage::BlockStore* store = nullptr;
  ReplicaChanges* changes = nullptr;
  const OrderGate* gate = nullptr;
  std::uint64_t bytes_per_second = 0;           // 0: as fast as it goes.
  const std::atomic<bool>* stopping = nullptr;  // Then every copy ends at once, as failed.
  auth::CredentialsPtr credentials{};           // Null: the cluster has no secret.
};

OrderActor::behavior_type order_actor(OrderActor::pointer self, OrderParts parts);

struct CopyActorState {
  static inline const char* name = "copier";
  std::optional<transfer::ReplicaCopier> copier;  // Made for the first order.
};
CopyActor::behavior_type copy_actor(CopyActor::stateful_pointer<CopyActorState> self,
                                    CopyParts parts);

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::RemoveBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FencedCopy)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::CopyDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::metadata::FenceOrders)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::metadata::KeepKnown)
