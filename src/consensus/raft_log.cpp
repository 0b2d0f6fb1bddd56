#include "consensus/raft_log.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <random>
#include <utility>

#include "consensus/entry.hpp"

namespace minidfs::consensus {
namespace {

// Bounds of one raft_apply() and of how many may wait for the disk at a time. libraft writes all
// that wait in one piece, so several in flight cost no sync of their own.
constexpr std::size_t kRequestEntriesMax = 256;
constexpr std::size_t kRequestBytesMax = 2 << 20;
constexpr unsigned kRequestsInFlightMax = 4;
constexpr std::uint64_t kFailedDrainMs = 2000;

std::uint64_t random_proposer() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

Error unavailable(const std::string& directory) {
  return Error{Errc::kUnavailable, directory + ": the log is shutting down"};
}

}  // namespace

RaftLog::RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock)
    : options_(std::move(options)),
      on_fatal_(std::move(on_fatal)),
      lock_(std::move(lock)),
      proposer_(random_proposer()),
      member_(options_),
      applier_(state, proposer_),
      free_space_(options_.directory, options_.free_space_min_bytes) {
  fsm_.version = 3;
  fsm_.data = this;
  fsm_.apply = on_apply;
  fsm_.snapshot = on_snapshot;
  fsm_.restore = on_restore;
  fsm_.snapshot_async = on_snapshot_async;
  fsm_.snapshot_finalize = on_snapshot_finalize;
}

RaftLog::~RaftLog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    // A thread that failed to set up has ended by itself and closed its handles.
    if (opened_ && !stopping_) uv_async_send(&wake_);
    stopping_ = true;
  }
  thread_.join();
}

Status RaftLog::start(const DirectoryFacts& facts) {
  auto result = opened_promise_.get_future();
  // Signals are for the process's main thread. libuv's pool inherits this.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, &facts] { run(facts); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result.get();
}

ChannelId RaftLog::add_channel(CompletionSink sink) {
  const std::lock_guard lock(mutex_);
  sinks_.push_back(std::move(sink));
  return static_cast<ChannelId>(sinks_.size() - 1);
}

void RaftLog::propose(ChannelId channel, std::uint64_t token, std::string command, Room room) {
  const std::lock_guard lock(mutex_);
  MDFS_ASSERT(channel < sinks_.size());
  queue_.push_back({channel, token, std::move(command), room});
  if (unanswered_++ == 0) answered_at_ = std::chrono::steady_clock::now();
  if (queue_.size() == 1 && !stopping_) uv_async_send(&wake_);
}

std::chrono::milliseconds RaftLog::silent_for() const {
  const std::lock_guard lock(mutex_);
  if (unanswered_ == 0) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               answered_at_);
}

void RaftLog::run(const DirectoryFacts& facts) {
  pthread_setname_np(pthread_self(), "raft");
  Status status = set_up(facts);
  const bool ok = status.ok();
  opened_promise_.set_value(std::move(status));  // From here on `facts` may be gone.
  bool stop = !ok;
  while (!stop) {
    uv_run(member_.loop(), UV_RUN_ONCE);
    const std::lock_guard lock(mutex_);
    stop = stopping_;
  }
  if (started_) drain();
  leader_.store(false, std::memory_order_release);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (opened_) close_handles();
  member_.close();
  if (!failure_) {
    if (auto commit = applier_.commit(); !commit.ok()) fail(commit.error());
  }
  if (ok) report_failure();
  applier_.fail_expected(unavailable(options_.directory));
  answer_queued(unavailable(options_.directory));
  deliver();
}

// raft_close() is safe only in calm: libraft 0.15 crashes when it has to cancel a write that waits
// for its segment, and a snapshot's work must not outlive the raft object that it reports to. On a
// disk that failed neither may ever end.
void RaftLog::drain() {
  draining_ = true;
  uv_update_time(member_.loop());
  const auto give_up_ms = uv_now(member_.loop()) + kFailedDrainMs;
  const auto busy = [&] {
    return snapshot_running_ || member_.get()->last_stored < raft_last_index(member_.get());
  };
  while (busy() && (!failure_ || uv_now(member_.loop()) < give_up_ms)) {
    uv_run(member_.loop(), UV_RUN_ONCE);
  }
}

Status RaftLog::set_up(const DirectoryFacts& facts) {
  MDFS_CHECK(member_.open(&fsm_, facts.fresh));
  const Status started = member_.start();
  started_ = true;                 // Also when it failed: entries may be on their way to the disk.
  if (failure_) return *failure_;  // Of the state, which says more.
  MDFS_CHECK(started);
  open_handles();
  MDFS_CHECK(replay(facts));
  leader_.store(raft_state(member_.get()) == RAFT_LEADER, std::memory_order_release);
  return {};
}

// Waits until a single member has applied its whole log. With several members that happens when a
// leader has told what is committed.
Status RaftLog::replay(const DirectoryFacts& facts) {
  raft* node = member_.get();
  if (member_.solo() && raft_last_applied(node) < raft_last_index(node)) {
    struct raft_barrier barrier {};
    int outcome = -1;
    barrier.data = &outcome;
    const int code = raft_barrier(node, &barrier, [](struct raft_barrier* done, int status) {
      *static_cast<int*>(done->data) = status;
    });
    if (code != 0) return raft_error(code, options_.directory, raft_errmsg(node));
    while (outcome == -1 && !failure_) uv_run(member_.loop(), UV_RUN_ONCE);
    if (outcome > 0) return raft_error(outcome, options_.directory, raft_errmsg(node));
  }
  if (failure_) return *failure_;
  MDFS_CHECK(applier_.commit());
  if (member_.solo() && applier_.number() != facts.last_number) {
    return Error{Errc::kCorrupt, options_.directory + ": " + std::to_string(facts.last_number) +
                                     " commands were found in the log, but " +
                                     std::to_string(applier_.number()) + " were loaded"};
  }
  return {};
}

void RaftLog::open_handles() {
  uv_loop_t* loop = member_.loop();
  wake_.data = before_poll_.data = after_poll_.data = this;
  // The handlers run at the end of every turn, whatever woke the loop.
  MDFS_ASSERT(uv_async_init(loop, &wake_, [](uv_async_t*) {}) == 0);
  uv_prepare_init(loop, &before_poll_);
  uv_prepare_start(&before_poll_,
                   [](uv_prepare_t* h) { static_cast<RaftLog*>(h->data)->end_turn(); });
  uv_check_init(loop, &after_poll_);
  uv_check_start(&after_poll_, [](uv_check_t* h) { static_cast<RaftLog*>(h->data)->end_turn(); });
  opened_ = true;
}

void RaftLog::close_handles() {
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&before_poll_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&after_poll_), nullptr);
}

void RaftLog::end_turn() {
  if (!failure_) {
    if (auto status = applier_.commit(); !status.ok()) fail(status.error());
  }
  const bool leads = !failure_ && raft_state(member_.get()) == RAFT_LEADER;
  if (leads != is_leader()) leader_.store(leads, std::memory_order_release);
  if (!leads && !failure_) {
    applier_.fail_expected(Error{Errc::kNotLeader,
                                 "leadership was lost before the change was known to be committed: "
                                 "it may or may not take effect"});
  }
  report_failure();
  pump();
  deliver();
}

void RaftLog::pump() {
  if (draining_) return;  // What is queued is answered when the loop has ended.
  if (backlog_.empty()) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    backlog_.swap(queue_);
  }
  if (backlog_.empty()) return;
  if (failure_) return answer_queued(Error{Errc::kUnavailable, failure_->message});
  if (!is_leader()) {
    return answer_queued(Error{Errc::kNotLeader, "this namenode is not the leader"});
  }
  if (const auto room = free_space_.check(uv_now(member_.loop())); !room.ok()) {
    refuse_for_room({room.error().code, room.error().message + applier_.room_note()});
  }
  while (!backlog_.empty() && requests_in_flight_ < kRequestsInFlightMax && send_some()) {
  }
  report_failure();
}

// Puts the head of the backlog into the log; false when that failed.
bool RaftLog::send_some() {
  std::array<raft_buffer, kRequestEntriesMax> buffers;
  std::array<Proposal, kRequestEntriesMax> sent;
  unsigned count = 0;
  std::size_t total_bytes = 0;
  const auto first_sequence = sequence_ + 1;
  while (count < kRequestEntriesMax && !backlog_.empty()) {
    auto& proposal = backlog_.front();
    const auto bytes = proposal.command.size();
    if (bytes > kCommandMaxBytes) {
      applier_.answer(
          proposal.channel, proposal.token,
          Error{Errc::kTooLarge, "a change of " + std::to_string(bytes) +
                                     " bytes; one entry of the log holds " +
                                     std::to_string(kCommandMaxBytes) + " bytes at most"});
      backlog_.pop_front();
      continue;
    }
    if (count > 0 && total_bytes + entry_bytes(bytes) > kRequestBytesMax) break;
    auto& buffer = buffers[count];
    buffer.len = entry_bytes(bytes);
    buffer.base = raft_malloc(buffer.len);
    MDFS_ASSERT(buffer.base != nullptr);
    write_entry({static_cast<std::uint32_t>(bytes), 1, applier_.number(), proposer_, ++sequence_},
                proposal.command, buffer.base);
    total_bytes += buffer.len;
    sent[count++] = {proposal.channel, proposal.token, {}, proposal.room};
    backlog_.pop_front();
  }
  if (count == 0) return true;
  for (unsigned i = 0; i < count; ++i) {
    applier_.expect(first_sequence + i, sent[i].channel, sent[i].token);
  }
  auto request = std::make_unique<Request>();
  request->log = this;
  request->apply.data = request.get();
  const int code =
      raft_apply(member_.get(), &request->apply, buffers.data(), count, on_request_done);
  if (code == 0) {
    request.release();  // on_request_done() deletes it.
    ++requests_in_flight_;
    return true;
  }
  for (unsigned i = 0; i < count; ++i) raft_free(buffers[i].base);
  const auto error = raft_error(code, options_.directory, raft_errmsg(member_.get()));
  if (code == RAFT_NOTLEADER) {
    // Nothing is wrong with this member: leadership went, or is being handed over.
    applier_.fail_from(first_sequence, error);
  } else {
    fail(error);
  }
  return false;
}

void RaftLog::answer_queued(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& proposal : queue_) backlog_.push_back(std::move(proposal));
    queue_.clear();
  }
  for (const auto& proposal : backlog_) applier_.answer(proposal.channel, proposal.token, error);
  backlog_.clear();
}

void RaftLog::refuse_for_room(const Error& error) {
  std::deque<Proposal> kept;
  for (auto& proposal : backlog_) {
    if (proposal.room == Room::kReserved) {
      kept.push_back(std::move(proposal));
    } else {
      applier_.answer(proposal.channel, proposal.token, error);
    }
  }
  backlog_ = std::move(kept);
}

void RaftLog::fail(const Error& error) {
  if (!failure_) failure_ = error;
}

void RaftLog::report_failure() {
  if (!failure_ || failure_reported_) return;
  failure_reported_ = true;
  leader_.store(false, std::memory_order_release);
  // What was proposed may stand in the log, from which the next start applies it: whoever asked
  // must ask again, and not take it for refused.
  const Error undecided{Errc::kUnavailable, failure_->message};
  applier_.fail_batch(undecided);
  applier_.fail_expected(undecided);
  if (on_fatal_) on_fatal_(*failure_);
}

void RaftLog::deliver() {
  auto completions = applier_.take_completions();
  for (ChannelId channel = 0; channel < completions.size(); ++channel) {
    if (completions[channel].empty()) continue;
    const CompletionSink* sink = nullptr;
    {
      const std::lock_guard lock(mutex_);
      sink = &sinks_[channel];
      unanswered_ -= completions[channel].size();
      answered_at_ = std::chrono::steady_clock::now();
    }
    (*sink)(std::move(completions[channel]));
  }
}

}  // namespace minidfs::consensus
