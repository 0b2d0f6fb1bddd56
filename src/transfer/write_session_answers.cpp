// The half of WriteSession that answers the writer: acks, targets that are lost, signs of life.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "transfer/write_session.hpp"

namespace minidfs::transfer {

// The open block will not be stored here; the other targets go on.
void WriteSession::fail_block(const Error& error) {
  block_->writer.reset();
  block_->failure = outcome_of(error);
  tell_lost(0, block_->failure);
  changed_.notify();
}

void WriteSession::store_lost(BlockId block, const Error& error) {
  if (block_ && block_->begin.block == block && block_->writer) fail_block(error);
}

// Tells the writer of the open block, which may want to begin it again, that a target has lost it:
// `target` is the number of places behind this node. Without a block the acks tell it soon enough.
void WriteSession::tell_lost(std::size_t target, const Outcome& outcome) {
  if (!block_ || block_->lost.test(target)) return;
  block_->lost.set(target);
  const auto place = static_cast<std::uint8_t>(target);
  append_frame(connection_->out(), FrameType::kTargetLost,
               TargetLost{block_->begin.block, place, outcome});
  if (!connection_->closed()) connection_->send_soon();
}

// The same for all targets behind this node, once they are cut off: in the block that is open then,
// or else in the next one.
void WriteSession::tell_cut_off() {
  if (!block_ || !downstream_ || downstream_->usable() || cut_off_told_) return;
  cut_off_told_ = true;
  const auto outcomes = downstream_->outcomes();
  for (std::size_t i = 0; i < outcomes.size(); ++i) tell_lost(i + 1, outcomes[i]);
}

// The loop outlives the server until the last finish() of the store has reported; what is posted to
// a loop that has stopped is dropped, and the next block report tells what was stored.
void WriteSession::finish(storage::ReplicaWriter& writer, std::uint64_t sequence) {
  writer.finish([loop = loop_.shared_from_this(), session = weak_from_this(),
                 sequence](Result<storage::ReplicaInfo> result) {
    asio::post(loop->io(), [at = loop.get(), session, sequence, result = std::move(result)] {
      if (result.ok()) at->context().events.replica_stored(*result);
      if (const auto alive = session.lock()) alive->finished(sequence, result);
    });
  });
}

void WriteSession::finished(std::uint64_t sequence, const Result<storage::ReplicaInfo>& result) {
  // One that was given up before may have been answered.
  if (sequence < first_pending_ || pending_[sequence - first_pending_].own) return;
  PendingBlock& pending = pending_[sequence - first_pending_];
  pending.writer.reset();
  if (result.ok()) {
    pending.stored_bytes = result->stored_bytes;
    pending.own = Outcome();
  } else {
    pending.own = outcome_of(result.error());
  }
  send_acks();
}

Status WriteSession::downstream_acked(AckBlock ack) {
  auto due = pending_.begin();
  while (due != pending_.end() && due->below) ++due;
  if (due == pending_.end() || due->block != ack.block ||
      ack.targets.size() != downstream_->target_count()) {
    return Error{Errc::kProtocol, "ack of block " + to_string(ack.block) + ", which was not due"};
  }
  due->below = std::move(ack.targets);
  due->stored_bytes = std::max(due->stored_bytes, ack.stored_bytes);
  send_acks();
  return {};
}

// A block that is no longer open here awaits its ack, which tells the same.
Status WriteSession::downstream_lost(const TargetLost& lost) {
  const bool open = block_ && block_->begin.block == lost.block;
  const std::size_t target = lost.target + 1U;
  const bool due = open || std::any_of(pending_.begin(), pending_.end(), [&](const auto& pending) {
                     return pending.block == lost.block && !pending.below;
                   });
  if (!due || target > pipeline_.targets.size() || (open && block_->lost.test(target))) {
    return Error{Errc::kProtocol, "target " + std::to_string(lost.target) + " of " +
                                      std::to_string(pipeline_.targets.size()) + " lost block " +
                                      to_string(lost.block) + ", which could not be or was known"};
  }
  if (open) tell_lost(target, lost.outcome);
  return {};
}

void WriteSession::downstream_dropped() {
  for (auto& pending : pending_) {
    if (!pending.below) pending.below = downstream_->outcomes();
  }
  tell_cut_off();
  send_acks();
}

void WriteSession::send_acks() {
  bool any = false;
  while (!pending_.empty() && pending_.front().own && pending_.front().below) {
    PendingBlock& pending = pending_.front();
    AckBlock ack{pending.block, pending.stored_bytes, {}};
    ack.targets.push_back(*std::move(pending.own));
    for (auto& outcome : *pending.below) ack.targets.push_back(std::move(outcome));
    append_frame(connection_->out(), FrameType::kAckBlock, ack);
    pending_.pop_front();
    ++first_pending_;
    any = true;
  }
  if (!any) return;
  if (!connection_->closed()) connection_->send_soon();
  changed_.notify();
}

// Gives up what a disk keeps waiting for too long; returns the longest wait of the others.
std::chrono::milliseconds WriteSession::judge_disks() {
  const auto limit = loop_.context().options.disk_timeout;
  const auto timed_out = [&](std::chrono::milliseconds stalled) {
    return Error{Errc::kTimedOut,
                 "the disk has made no progress for " + std::to_string(stalled.count()) + " ms"};
  };
  std::chrono::milliseconds longest{0};
  bool any = false;
  for (auto& pending : pending_) {
    if (!pending.writer) continue;
    const auto stalled = pending.writer->stalled_for();
    if (stalled < limit) {
      longest = std::max(longest, stalled);
      continue;
    }
    pending.own = outcome_of(timed_out(stalled));
    pending.writer.reset();
    any = true;
  }
  if (any) send_acks();
  if (block_ && block_->writer) {
    const auto stalled = block_->writer->stalled_for();
    if (stalled >= limit) {
      fail_block(timed_out(stalled));
    } else {
      longest = std::max(longest, stalled);
    }
  }
  return longest;
}

void WriteSession::upstream_closed() {
  if (downstream_) downstream_->drop(Error{Errc::kCancelled, "the server stops"});
  changed_.notify();
}

void WriteSession::excuse(Clock::time_point now) {
  if (downstream_) downstream_->excuse(now);
}

void WriteSession::sweep(Clock::time_point now) {
  if (downstream_) {
    // A node that receives a block gives signs of life, also while nothing is sent to it.
    bool frames_due = block_.has_value();
    for (const auto& pending : pending_) frames_due = frames_due || !pending.below;
    downstream_->sweep(now, frames_due);
  }
  const auto stalled = judge_disks();
  const bool busy = !receiving_ || block_ || !pending_.empty();
  if (!busy || now - last_keep_alive_ < loop_.keep_alive_interval()) return;
  last_keep_alive_ = now;
  // A peer that does not read needs no more signs of life than it already has.
  if (connection_->out_bytes() == 0) {
    append_frame(connection_->out(), FrameType::kKeepAlive,
                 KeepAlive{static_cast<std::uint32_t>(stalled.count())});
    connection_->send_soon();
  }
}

}  // namespace minidfs::transfer
