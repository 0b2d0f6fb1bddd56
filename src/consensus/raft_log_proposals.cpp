// The part of RaftLog that takes proposals: which of them this turn logs, which wait, and what is
// answered to those that are not logged.
#include <chrono>
#include <utility>

#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

using Clock = std::chrono::steady_clock;

// Bounds of what one sync makes durable.
constexpr std::size_t kTurnEntriesMax = 1024;
constexpr std::size_t kTurnBytesMax = 4 << 20;
// Of what waits for a majority; more waits in the queue.
constexpr std::uint64_t kUncommittedBytesMax = 16 << 20;

Error too_many(std::size_t count) {
  return Error{Errc::kBusy, std::to_string(count) + " changes wait for the log already"};
}

Error undecided() {
  return Error{Errc::kNotLeader,
               "leadership was lost before the change was known to be committed: it may or may not "
               "take effect"};
}

}  // namespace

ChannelId RaftLog::add_channel(CompletionSink sink) {
  const std::lock_guard lock(mutex_);
  sinks_.push_back(std::move(sink));
  return static_cast<ChannelId>(sinks_.size() - 1);
}

void RaftLog::propose(ChannelId channel, std::uint64_t token, std::string command, Room room) {
  {
    const std::lock_guard lock(mutex_);
    MDFS_ASSERT(channel < sinks_.size());
    if (unanswered_++ == 0) answered_at_ = Clock::now();
    const auto bytes = command.size() + sizeof(Proposal);
    if (queue_bytes_ + bytes > options_.proposals_bytes_max) {
      lane_->refuse({{channel, token}}, too_many(queue_.size()));
      return;
    }
    queue_bytes_ += bytes;
    queue_.push_back({{channel, token}, std::move(command), room});
    if (queue_.size() > 1) return;  // The thread has been told.
    news_ = true;
  }
  wake_.notify_one();
}

std::chrono::milliseconds RaftLog::silent_for() const {
  const std::lock_guard lock(mutex_);
  if (unanswered_ == 0) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - answered_at_);
}

void RaftLog::deliver(ChannelId channel, std::vector<Completion> completions) {
  const CompletionSink* sink = nullptr;
  {
    const std::lock_guard lock(mutex_);
    sink = &sinks_[channel];
    unanswered_ -= completions.size();
    answered_at_ = Clock::now();
  }
  (*sink)(std::move(completions));
}

// --- A turn's -----------------------------------------------------------------------------------

// Who has just lost a leader may have the next one, or lead, in a moment.
void RaftLog::judge_holding(TimePoint now) {
  if (member_->leads() || member_->leader() != 0) {
    leaderless_since_.reset();
    holds_ = member_->is_transferring();
    return;
  }
  if (!leaderless_since_) leaderless_since_ = now;
  holds_ = now < *leaderless_since_ + held_for();
}

Status RaftLog::take_proposals(TimePoint now) {
  if (holds_ || holds_back_ || member_->is_transferring()) return {};
  if (!member_->leads()) {
    answer_queued(Error{Errc::kNotLeader, "this namenode is not the leader"}, leading().leader);
    return {};
  }
  if (lane_->is_full() || member_->uncommitted_bytes() >= kUncommittedBytesMax) return {};
  if (member_->is_syncing()) return {};
  auto batch = take_batch();
  if (batch.commands.empty()) return {};
  return member_->propose(std::move(batch.commands), std::move(batch.waiters), now);
}

// The head of the queue, without what cannot be logged, which is answered.
RaftLog::Batch RaftLog::take_batch() {
  std::vector<Proposal> taken;
  {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = 0;
    while (!queue_.empty() && taken.size() < kTurnEntriesMax && bytes < kTurnBytesMax) {
      bytes += queue_.front().command.size();
      queue_bytes_ -= queue_.front().command.size() + sizeof(Proposal);
      taken.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    if (!queue_.empty()) news_ = true;
  }
  Batch batch;
  if (taken.empty()) return batch;
  const auto room = check_room();
  for (auto& proposal : taken) {
    const auto size = proposal.command.size();
    if (size > kCommandMaxBytes) {
      lane_->refuse(
          {proposal.waiter},
          Error{Errc::kTooLarge, "a change of " + std::to_string(size) +
                                     " bytes; one entry of the log holds " +
                                     std::to_string(kCommandMaxBytes) + " bytes at most"});
    } else if (!room.ok() && proposal.room == Room::kFree) {
      lane_->refuse({proposal.waiter}, room.error());
    } else {
      batch.commands.push_back(std::move(proposal.command));
      batch.waiters.push_back(proposal.waiter);
    }
  }
  return batch;
}

Status RaftLog::check_room() {
  const auto room = free_space_.check(Clock::now());
  if (room.ok()) return room;
  return Error{room.error().code, room.error().message + lane_->room_note()};
}

void RaftLog::answer_refused() {
  auto refused = member_->take_refused();
  auto open = member_->take_undecided();
  if (refused.empty() && open.empty()) return;
  const auto leader = leading().leader;
  lane_->refuse(std::move(refused), Error{Errc::kNotLeader, "this namenode is not the leader"},
                leader);
  lane_->refuse(std::move(open), undecided(), leader);
}

void RaftLog::answer_queued(const Error& error, const MemberAddress& leader) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& proposal : queue_) waiters.push_back(proposal.waiter);
    queue_.clear();
    queue_bytes_ = 0;
  }
  lane_->refuse(std::move(waiters), error, leader);
}

}  // namespace minidfs::consensus
