#include "consensus/raft_log.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <utility>

namespace minidfs::consensus {
namespace {

using Clock = std::chrono::steady_clock;

// Bounds of what one sync makes durable.
constexpr std::size_t kTurnEntriesMax = 1024;
constexpr std::size_t kTurnBytesMax = 4 << 20;
// Of what is handed to the lane in one piece.
constexpr std::size_t kPieceBytesMax = 4 << 20;

Error shutting_down(const std::string& directory) {
  return Error{Errc::kUnavailable, directory + ": the log is shutting down"};
}

Error undecided() {
  return Error{Errc::kNotLeader,
               "leadership was lost before the change was known to be committed: it may or may not "
               "take effect"};
}

std::uint64_t milliseconds(Clock::time_point time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace

RaftLog::RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock)
    : options_(std::move(options)),
      state_(state),
      on_fatal_(std::move(on_fatal)),
      lock_(std::move(lock)),
      free_space_(options_.directory, options_.free_space_min_bytes) {}

RaftLog::~RaftLog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Status RaftLog::start(std::unique_ptr<SegmentedLog> entries) {
  auto started = started_.get_future();
  // Signals are for the process's main thread; the log's threads inherit this.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  self_ = entries->member();
  member_.emplace(std::move(entries));
  lane_.emplace(state_, ApplyLane::Options{options_.checkpoint_entries, options_.checkpoint_bytes,
                                           [this](ChannelId channel, auto completions) {
                                             deliver(channel, std::move(completions));
                                           },
                                           [this] { notice(); }});
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started.get();
}

ChannelId RaftLog::add_channel(CompletionSink sink) {
  const std::lock_guard lock(mutex_);
  sinks_.push_back(std::move(sink));
  return static_cast<ChannelId>(sinks_.size() - 1);
}

void RaftLog::propose(ChannelId channel, std::uint64_t token, std::string command, Room room) {
  {
    const std::lock_guard lock(mutex_);
    MDFS_ASSERT(channel < sinks_.size());
    queue_.push_back({{channel, token}, std::move(command), room});
    if (unanswered_++ == 0) answered_at_ = Clock::now();
    if (queue_.size() > 1) return;  // The thread has been told.
    news_ = true;
  }
  wake_.notify_one();
}

bool RaftLog::is_leader() const {
  return leader_.load(std::memory_order_acquire) && !lane_->failed();
}

std::chrono::milliseconds RaftLog::silent_for() const {
  const std::lock_guard lock(mutex_);
  if (unanswered_ == 0) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - answered_at_);
}

void RaftLog::add_role_sink(RoleSink sink) {
  {
    const std::lock_guard lock(mutex_);
    role_sinks_.push_back(std::move(sink));
    news_ = true;
  }
  wake_.notify_one();
}

// One that is alone leads until it ends, and all that it has answered is applied.
void RaftLog::read_index(ReadSink sink) {
  if (is_leader()) {
    sink({lane_->applied(), {}});
  } else {
    sink({Error{Errc::kNotLeader, "this namenode is not the leader"}, {}});
  }
}

QuorumStatus RaftLog::quorum() const {
  QuorumStatus status;
  status.self = self_;
  {
    const std::lock_guard lock(mutex_);
    status.leading = leading_;
  }
  status.committed = lane_->applied();
  const auto state = is_leader() ? MemberState::kLeader : MemberState::kUnknown;
  status.members.push_back({{self_, options_.address},
                            MemberRole::kVoter,
                            state,
                            0,
                            status.committed,
                            status.committed,
                            0});
  return status;
}

void RaftLog::change_members(MembersChange, ChangeSink sink) {
  sink({Error{Errc::kUnsupported, "this log has one member"}, {}});
}

void RaftLog::transfer(MemberId, TransferSink sink) {
  sink(Error{Errc::kUnsupported, "this log has one member"});
}

Leading RaftLog::leading() const {
  if (failure_ || !member_->leads()) return {Standing::kNobody, member_->term(), {}};
  return {Standing::kLeader, member_->term(), {self_, options_.address}};
}

// Those that are new are told what holds, the others when that is something else.
void RaftLog::tell_role() {
  const auto now = leading();
  std::vector<const RoleSink*> untold;
  {
    const std::lock_guard lock(mutex_);
    const auto first = now == leading_ ? role_sinks_told_ : 0;
    for (auto at = first; at < role_sinks_.size(); ++at) untold.push_back(&role_sinks_[at]);
    role_sinks_told_ = role_sinks_.size();
    leading_ = now;
  }
  for (const auto* sink : untold) (*sink)(now);
}

void RaftLog::notice() {
  {
    const std::lock_guard lock(mutex_);
    news_ = true;
  }
  wake_.notify_one();
}

void RaftLog::run() {
  pthread_setname_np(pthread_self(), "raft");
  auto status = set_up();
  const bool ok = status.ok();
  if (ok) leader_.store(true, std::memory_order_release);
  started_.set_value(std::move(status));
  for (bool stop = !ok; !stop;) {
    turn();
    wait();
    const std::lock_guard lock(mutex_);
    stop = stopping_;
  }
  if (ok) finish();
}

// One that is alone leads when its vote is durable; then all of its log is committed.
Status RaftLog::set_up() {
  MDFS_CHECK(member_->start(lane_->applied(), Clock::now()));
  MDFS_CHECK(member_->end_turn(Clock::now()));
  if (!member_->leads()) {
    return Error{Errc::kUnsupported,
                 options_.directory + ": the log names more members than this one"};
  }
  const auto last = member_->last();
  while (lane_->applied() < last) {
    if (const auto failure = lane_->failure()) return *failure;
    MDFS_CHECK(hand_over());
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return news_; });
    news_ = false;
  }
  // What earlier processes have left counts too: else a log whose processes all end early would
  // never be dropped.
  if (member_->log_entries() >= options_.checkpoint_entries ||
      member_->log_bytes() >= options_.checkpoint_bytes) {
    lane_->checkpoint();
  }
  return member_->applied(last, Clock::now());
}

void RaftLog::wait() {
  const auto until = failure_ ? Clock::time_point::max() : member_->wakes_at();
  std::unique_lock lock(mutex_);
  const auto due = [&] { return news_ || stopping_; };
  if (until == Clock::time_point::max()) {
    wake_.wait(lock, due);
  } else {
    wake_.wait_until(lock, until, due);
  }
}

void RaftLog::turn() {
  {
    const std::lock_guard lock(mutex_);
    news_ = false;
  }
  if (const auto failure = lane_->failure(); failure && !failure_) fail(*failure);
  if (!failure_) {
    if (const auto status = take_turn(); !status.ok()) fail(status.error());
  }
  if (failure_) answer_queued(Error{Errc::kUnavailable, failure_->message});
  tell_role();
}

Status RaftLog::take_turn() {
  const auto now = Clock::now();
  const auto applied = lane_->applied();
  MDFS_CHECK(member_->applied(applied, now));
  MDFS_CHECK(member_->durable(std::min(lane_->durable(), applied), now));
  if (now >= member_->wakes_at()) MDFS_CHECK(member_->tick(now));
  if (!lane_->is_full()) {
    auto batch = take_batch();
    if (!batch.commands.empty()) {
      MDFS_CHECK(member_->propose(std::move(batch.commands), std::move(batch.waiters), now));
    }
  }
  MDFS_CHECK(member_->end_turn(Clock::now()));
  MDFS_CHECK(hand_over());
  leader_.store(member_->leads(), std::memory_order_release);
  lane_->refuse(member_->take_refused(),
                Error{Errc::kNotLeader, "this namenode is not the leader"});
  lane_->refuse(member_->take_undecided(), undecided());
  return {};
}

// The head of the queue, without what cannot be logged, which is answered.
RaftLog::Batch RaftLog::take_batch() {
  std::vector<Proposal> taken;
  {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = 0;
    while (!queue_.empty() && taken.size() < kTurnEntriesMax && bytes < kTurnBytesMax) {
      bytes += queue_.front().command.size();
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
  const auto room = free_space_.check(milliseconds(Clock::now()));
  if (room.ok()) return room;
  return Error{room.error().code, room.error().message + lane_->room_note()};
}

Status RaftLog::hand_over() {
  while (member_->has_committed() && !lane_->is_full()) {
    MDFS_TRY(auto entries, member_->take_committed(kPieceBytesMax));
    lane_->give(std::move(entries));
  }
  return {};
}

void RaftLog::answer_queued(const Error& error) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& proposal : queue_) waiters.push_back(proposal.waiter);
    queue_.clear();
  }
  lane_->refuse(std::move(waiters), error);
}

// Nothing is logged any more. What was, and is not answered, the next start decides.
void RaftLog::fail(const Error& error) {
  failure_ = error;
  leader_.store(false, std::memory_order_release);
  member_->give_up();
  lane_->refuse(member_->take_refused(), Error{Errc::kUnavailable, error.message});
  lane_->refuse(member_->take_undecided(), Error{Errc::kUnavailable, error.message});
  if (on_fatal_) on_fatal_(error);
}

// What is in the log is applied; what is not in it is not logged any more.
void RaftLog::finish() {
  leader_.store(false, std::memory_order_release);
  if (!failure_) {
    auto status = member_->stop();
    while (status.ok() && member_->has_committed()) {
      auto entries = member_->take_committed(kPieceBytesMax);
      if (entries.ok()) lane_->give(std::move(entries).value());
      if (!entries.ok()) status = entries.error();
    }
    if (!status.ok()) fail(status.error());
  }
  answer_queued(shutting_down(options_.directory));
  lane_->finish();
  if (const auto failure = lane_->failure(); failure && !failure_) fail(*failure);
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

}  // namespace minidfs::consensus
