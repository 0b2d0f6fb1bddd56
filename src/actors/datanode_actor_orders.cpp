// The part of the datanode actor that has orders carried out, and says goodbye.
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "actors/datanode_actor.hpp"

namespace minidfs::actors {
namespace {

constexpr std::chrono::milliseconds kGoodbyeTimeout{500};

}  // namespace

void DatanodeActorState::perform(Number number, const metadata::FenceOrders& fence) {
  *parts_.gate = fence.fence;
  parts_.changes->fence_removals(fence.fence);
  self_->request(parts_.orders, caf::infinite, fence)
      .then([this, number, fence = fence.fence](bool) { step(number, metadata::Fenced{fence}); });
}

void DatanodeActorState::perform(Number, const metadata::KeepKnown& keep) {
  self_->send(parts_.orders, keep);
}

void DatanodeActorState::perform(Number number, const metadata::ObeyOrders& obey) {
  MDFS_ASSERT(orders_ != nullptr);
  // What is told and not answered yet is so with a later heartbeat.
  auto removals =
      parts_.changes->accept(number, orders_->remove, namenodes_.at(number).told.changes);
  if (!removals.empty()) self_->send(parts_.orders, RemoveBatch{obey.fence, std::move(removals)});
  for (const auto& order : orders_->copy) begin_copy(number, order, obey.fence);
  if (orders_->scrub_now != 0) parts_.scrub_now(orders_->scrub_now);
}

void DatanodeActorState::begin_copy(Number number, const CopyOrder& order, std::uint64_t fence) {
  if (copies_queued_ >= kCopiesQueuedMax) {
    return copy_failed(number, order.block.id, parts_.advertised);
  }
  const auto& copier = parts_.copiers[next_copier_++ % parts_.copiers.size()];
  ++copies_queued_;
  self_->request(copier, caf::infinite, FencedCopy{fence, order})
      .then(
          [this, number, block = order.block.id](const CopyDone& done) {
            --copies_queued_;
            if (done.source_failed) copy_failed(number, block, parts_.advertised);
            for (const auto& target : done.failed_targets) copy_failed(number, block, target);
          },
          [this](const caf::error&) { --copies_queued_; });
}

// To be told to the namenode that had ordered it.
void DatanodeActorState::copy_failed(Number number, BlockId block, const metadata::Endpoint& node) {
  const auto found = namenodes_.find(number);
  if (found != namenodes_.end()) found->second.failed_copies.push_back({block, node});
}

caf::result<bool> DatanodeActorState::leave() {
  carry_out(memberships_->leave(self_->clock().now()));
  struct Goodbyes {
    std::size_t left = 0;
    bool taken = false;  // By any.
  };
  const auto goodbyes = std::make_shared<Goodbyes>();
  auto promise = self_->make_response_promise<bool>();
  auto answered = [goodbyes, promise](bool taken) mutable {
    goodbyes->taken = goodbyes->taken || taken;
    if (--goodbyes->left == 0) promise.deliver(goodbyes->taken);
  };
  for (const auto& [number, namenode] : namenodes_) {
    if (!namenode.actor) continue;
    ++goodbyes->left;
    self_
        ->request(namenode.actor, kGoodbyeTimeout,
                  Goodbye{parts_.store->node_id(), namenode.incarnation})
        .then([answered](const Accepted&) mutable { answered(true); },
              [answered](const caf::error&) mutable { answered(false); });
  }
  if (goodbyes->left == 0) promise.deliver(false);
  return promise;
}

}  // namespace minidfs::actors
