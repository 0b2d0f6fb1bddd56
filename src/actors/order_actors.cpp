#include "actors/order_actors.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <caf/stateful_actor.hpp>

#include "base/logging.hpp"
#include "transfer/replica_copy.hpp"

namespace minidfs::actors {
namespace {

// Of the threads that copy: clients' traffic comes first where there is not time for both.
constexpr int kCopyNiceness = 10;

void remove_replica(const RemoveOrder& order, storage::BlockStore& store, ReplicaChanges& changes,
                    bool keep_corrupt) {
  const bool keep = keep_corrupt && changes.is_bad(order.block, order.generation);
  const auto status = keep ? store.set_aside(order.block, order.generation)
                           : store.remove(order.block, order.generation);
  // A replica that is not there is as good as removed, and the namenode wants to know.
  if (status.ok() || status.error().code == Errc::kNotFound) {
    changes.replica_removed(order.block, order.generation);
  } else {
    log_error("datanode", "cannot remove block {}: {}", order.block.value, status.error().message);
  }
}

void keep(const metadata::KnownEpoch& known, storage::DatanodeEpoch& epoch) {
  const auto status = epoch.keep(known);
  if (status.ok()) return;
  log_error("datanode", "cannot keep what is known of the namespace: {}", status.error().message);
}

CopyDone carry_out(const CopyOrder& order, transfer::ReplicaCopier& copier,
                   const CopyParts& parts) {
  CopyDone done;
  const auto ack = copier.copy(order.block.id, order.block.generation, order.targets);
  if (!ack.ok()) {
    const auto code = ack.error().code;
    const bool here = code == Errc::kCorrupt || code == Errc::kNotFound || code == Errc::kStale ||
                      code == Errc::kIoError;
    if (here) {
      parts.changes->replica_corrupt(order.block.id, order.block.generation, ack.error().message);
    }
    done.source_failed = here;
    if (!here && !order.targets.empty()) done.failed_targets.push_back(order.targets.front());
    log_warn("datanode", "cannot copy block {}: {}", order.block.id.value, ack.error().message);
    return done;
  }
  for (std::size_t i = 0; i < order.targets.size(); ++i) {
    if (ack->stored[i]) continue;
    done.failed_targets.push_back(order.targets[i]);
    log_warn("datanode", "block {} was not copied to {}: {}", order.block.id.value,
             to_string(order.targets[i]), ack->errors[i]);
  }
  return done;
}

}  // namespace

OrderActor::behavior_type order_actor(OrderActor::pointer, OrderParts parts) {
  return {
      [parts](const RemoveBatch& batch) {
        for (const auto block : batch.blocks) {
          const auto order = parts.changes->take_removal(block, batch.fence);
          if (!order.has_value()) continue;
          remove_replica(*order, *parts.store, *parts.changes, parts.keep_corrupt);
        }
      },
      [parts](const metadata::FenceOrders& fence) {
        keep(fence.known, *parts.epoch);
        return true;
      },
      [parts](const metadata::KeepKnown& message) { keep(message.known, *parts.epoch); },
  };
}

CopyActor::behavior_type copy_actor(CopyActor::stateful_pointer<CopyActorState> self,
                                    CopyParts parts) {
  return {
      [self, parts](const FencedCopy& copy) {
        if (copy.fence < *parts.gate) return CopyDone{};
        auto& copier = self->state.copier;
        if (!copier) {
          // Orders come only from the namenode of a cluster that the store belongs to by now.
          transfer::ConnectionOptions options;
          options.cluster = parts.store->cluster_id();
          options.role = auth::Role::kDatanode;
          options.credentials = parts.credentials;
          options.cancelled = parts.stopping;
          copier.emplace(*parts.store, options, parts.bytes_per_second);
          // Of this thread alone, which is the actor's own. A refusal only means no precedence.
          static_cast<void>(
              ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kCopyNiceness));
        }
        return carry_out(copy.order, *copier, parts);
      },
  };
}

}  // namespace minidfs::actors
