#include "consensus/raft_log.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/random_id.hpp"

namespace minidfs::consensus {
namespace {

using Clock = std::chrono::steady_clock;

// Of what is handed to the lane in one piece.
constexpr std::size_t kPieceBytesMax = 4 << 20;

Error shutting_down(const std::string& directory) {
  return Error{Errc::kUnavailable, directory + ": the log is shutting down"};
}

}  // namespace

RaftLog::RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock)
    : options_(std::move(options)),
      state_(state),
      on_fatal_(std::move(on_fatal)),
      lock_(std::move(lock)),
      freshness_(10 * options_.heartbeat, random_128().low),
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
    member.send = to_peers();
    member.synced = [this] { notice(); };
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
    seeds.send = to_peers();
    seeds.changed = [this] { notice(); };
    receiver_.emplace(state_, *lane_, *member_, std::move(seeds));
  }
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started.get();
}

std::function<void(MemberId, std::string)> RaftLog::to_peers() const {
  return
      [link = options_.link](MemberId to, std::string bytes) { link->send(to, std::move(bytes)); };
}

bool RaftLog::is_leader() const {
  return leader_.load(std::memory_order_acquire) && !lane_->failed();
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
    publish(Clock::now());
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
    publish(Clock::now());
    answer_queued(error);
    refuse_wishes(error);
  }
}

Status RaftLog::take_turn() {
  const auto now = Clock::now();
  MDFS_CHECK(member_->begin_turn(now));
  MDFS_CHECK(take_mail(now));
  if (receiver_ && receiver_->is_installing()) {
    MDFS_CHECK(receiver_->further(now));
    if (receiver_->is_installing()) {
      publish(now);
      return {};
    }
  }
  const auto applied = lane_->applied();
  MDFS_CHECK(member_->applied(applied, now));
  MDFS_CHECK(member_->durable(std::min(lane_->durable(), applied), now));
  if (now >= member_->wakes_at()) MDFS_CHECK(member_->tick(now));
  judge_holding(now);
  ask_how_fresh();
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
  publish(now);
  answer_refused();
  answer_reads();
  answer_change();
  answer_transfers(now);
  reach_members();
  tell_removed();
  return leave_when_removed();
}

Status RaftLog::hand_over() {
  while (member_->has_committed() && !lane_->is_full()) {
    MDFS_TRY(auto entries, member_->take_committed(kPieceBytesMax));
    lane_->give(std::move(entries));
  }
  return {};
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
    auto status = member_->finish_turn(Clock::now());
    if (status.ok()) status = member_->stop();
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

}  // namespace minidfs::consensus
