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
// Of what waits for a majority; more waits in the queue.
constexpr std::uint64_t kUncommittedBytesMax = 16 << 20;

Error shutting_down(const std::string& directory) {
  return Error{Errc::kUnavailable, directory + ": the log is shutting down"};
}

Error too_many(std::size_t count) {
  return Error{Errc::kBusy, std::to_string(count) + " changes wait for the log already"};
}

Error undecided() {
  return Error{Errc::kNotLeader,
               "leadership was lost before the change was known to be committed: it may or may not "
               "take effect"};
}

}  // namespace

RaftLog::RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock)
    : options_(std::move(options)),
      state_(state),
      on_fatal_(std::move(on_fatal)),
      lock_(std::move(lock)),
      mail_([this] { notice(); }),
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
  RaftMember::Options member;
  member.heartbeat = options_.heartbeat;
  member.election_min = options_.election_min;
  member.election_max = options_.election_max;
  member.kept_bytes_max = options_.kept_bytes_max;
  if (options_.link != nullptr) {
    member.send = [link = options_.link](MemberId to, std::string bytes) {
      link->send(to, std::move(bytes));
    };
  }
  member_.emplace(std::move(entries), std::move(member));
  lane_.emplace(state_, ApplyLane::Options{options_.checkpoint_entries, options_.checkpoint_bytes,
                                           [this](ChannelId channel, auto completions) {
                                             deliver(channel, std::move(completions));
                                           },
                                           [this] { notice(); }});
  if (options_.link != nullptr) {
    SeedReceiver::Options seeds;
    seeds.directory = options_.directory;
    seeds.send = [link = options_.link](MemberId to, std::string bytes) {
      link->send(to, std::move(bytes));
    };
    seeds.changed = [this] { notice(); };
    receiver_.emplace(state_, *lane_, *member_, std::move(seeds));
  }
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

bool RaftLog::is_leader() const {
  return leader_.load(std::memory_order_acquire) && !lane_->failed();
}

std::chrono::milliseconds RaftLog::silent_for() const {
  const std::lock_guard lock(mutex_);
  if (unanswered_ == 0) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - answered_at_);
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
  if (ok) {
    leader_.store(member_->leads(), std::memory_order_release);
    publish_status(Clock::now());
    tell_role();
  }
  started_.set_value(std::move(status));
  for (bool stop = !ok; !stop;) {
    turn();
    wait();
    const std::lock_guard lock(mutex_);
    stop = stopping_;
  }
  if (ok) resign();
  seeds_given_.clear();
  if (link_started_) options_.link->stop();
  if (ok) finish();
}

// The others need not notice by silence that this member stops.
void RaftLog::resign() {
  const auto until = Clock::now() + options_.election_max;
  if (failure_ || !member_->leads() || member_->roster().is_only_voter(self_)) return;
  if (const auto status = member_->transfer(0, Clock::now()); !status.ok())
    return fail(status.error());
  while (!failure_ && member_->leads() && member_->is_transferring() && Clock::now() < until) {
    turn();
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, std::min(until, member_->wakes_at()), [&] { return news_; });
  }
}

// One that is alone leads when its vote is durable; then all of its log is committed.
Status RaftLog::set_up() {
  const auto now = Clock::now();
  MDFS_CHECK(member_->start(lane_->applied(), now));
  MDFS_CHECK(member_->end_turn(now));
  if (options_.link != nullptr) {
    options_.link->start(self_, mail_);
    link_started_ = true;
    reach_members();
  } else if (!member_->leads()) {
    return Error{Errc::kUnsupported,
                 options_.directory + ": the log names more members than this one"};
  }
  if (member_->leads()) MDFS_CHECK(apply_all());
  // What earlier processes have left counts too: else a log whose processes all end early would
  // never be dropped.
  if (member_->log_entries() >= options_.checkpoint_entries ||
      member_->log_bytes() >= options_.checkpoint_bytes) {
    lane_->checkpoint();
  }
  return member_->applied(lane_->applied(), Clock::now());
}

Status RaftLog::apply_all() {
  const auto last = member_->last();
  while (lane_->applied() < last) {
    if (const auto failure = lane_->failure()) return *failure;
    MDFS_CHECK(hand_over());
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return news_; });
    news_ = false;
  }
  return {};
}

// When there is something to do without news.
RaftLog::TimePoint RaftLog::wakes_at() const {
  if (failure_ || (receiver_ && receiver_->is_installing())) return TimePoint::max();
  auto until = member_->wakes_at();
  if (holds_ && leaderless_since_) until = std::min(until, *leaderless_since_ + held_for());
  if (handed_over_at_) until = std::min(until, *handed_over_at_ + options_.election_max);
  for (const auto& [member, due] : seeds_due_) until = std::min(until, due);
  return until;
}

void RaftLog::wait() {
  const auto until = wakes_at();
  std::unique_lock lock(mutex_);
  const auto due = [&] { return news_ || stopping_; };
  if (until == TimePoint::max()) {
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
  if (failure_) {
    const Error error{Errc::kUnavailable, failure_->message};
    answer_queued(error);
    refuse_wishes(error);
  }
  tell_role();
}

Status RaftLog::take_turn() {
  const auto now = Clock::now();
  MDFS_CHECK(take_mail(now));
  if (receiver_ && receiver_->is_installing()) {
    MDFS_CHECK(receiver_->further(now));
    if (receiver_->is_installing()) return {};
  }
  const auto applied = lane_->applied();
  MDFS_CHECK(member_->applied(applied, now));
  MDFS_CHECK(member_->durable(std::min(lane_->durable(), applied), now));
  if (now >= member_->wakes_at()) MDFS_CHECK(member_->tick(now));
  judge_holding(now);
  MDFS_CHECK(take_reads(now));
  MDFS_CHECK(take_changes(now));
  MDFS_CHECK(take_transfers(now));
  MDFS_CHECK(leave_bad_disk(now));
  MDFS_CHECK(take_proposals(now));
  MDFS_CHECK(make_due_change(now));
  MDFS_CHECK(member_->end_turn(Clock::now()));
  MDFS_CHECK(further_seeds(now));
  MDFS_CHECK(hand_over());
  leader_.store(member_->leads(), std::memory_order_release);
  answer_refused();
  answer_reads();
  answer_change();
  answer_transfers(now);
  reach_members();
  tell_removed();
  publish_status(now);
  return leave_when_removed();
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

Status RaftLog::hand_over() {
  while (member_->has_committed() && !lane_->is_full()) {
    MDFS_TRY(auto entries, member_->take_committed(kPieceBytesMax));
    lane_->give(std::move(entries));
  }
  return {};
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

// Nothing is logged or said any more, so that the others elect another leader. What was logged, and
// is not answered, the next start decides.
void RaftLog::fail(const Error& error) {
  failure_ = error;
  leader_.store(false, std::memory_order_release);
  if (link_started_) options_.link->reach({});
  for (auto& [member, given] : seeds_given_) give_up_seed(member, given);
  member_->give_up();
  lane_->refuse_reads(Error{Errc::kUnavailable, error.message});
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
  // What no majority is known to have is answered as open.
  member_->give_up();
  lane_->refuse(member_->take_undecided(), shutting_down(options_.directory));
  answer_queued(shutting_down(options_.directory));
  refuse_wishes(shutting_down(options_.directory));
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
