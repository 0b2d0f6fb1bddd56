#include "consensus/apply_lane.hpp"

#include <pthread.h>

#include <iterator>

namespace minidfs::consensus {
namespace {

constexpr std::size_t kWaitingBytesMax = 16 << 20;

}  // namespace

ApplyLane::ApplyLane(StateMachine& state, Options options)
    : state_(state),
      options_(std::move(options)),
      checkpointer_(state, options_.changed),
      applied_(state.applied()),
      applier_(state),
      thread_([this] { run(); }) {}

ApplyLane::~ApplyLane() { finish(); }

void ApplyLane::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ApplyLane::give(std::vector<CommittedEntry> entries) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& committed : entries) {
      bytes_ += committed.entry.payload.size() + sizeof committed;
      work_.entries.push_back(std::move(committed));
    }
  }
  wake_.notify_one();
}

void ApplyLane::refuse(std::vector<Waiter> waiters, const Error& error,
                       const MemberAddress& leader) {
  if (waiters.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    work_.refused.push_back({std::move(waiters), error, leader});
  }
  wake_.notify_one();
}

void ApplyLane::answer_at(Index index, std::vector<ReadSink> reads) {
  {
    const std::lock_guard lock(mutex_);
    for (auto& sink : reads) work_.reads.push_back({index, std::move(sink)});
  }
  wake_.notify_one();
}

void ApplyLane::refuse_reads(const Error& error) {
  run_there([this, error] {
    for (auto& read : std::exchange(reads_, {})) read.sink({error, {}});
  });
}

void ApplyLane::run_there(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    work_.jobs.push_back(std::move(job));
  }
  wake_.notify_one();
}

void ApplyLane::install(std::function<void(const Status&)> done) {
  run_there([this, done = std::move(done)] {
    auto status = state_.install();
    if (status.ok()) {
      applier_.jump_to(state_.applied());
      applied_.store(applier_.index(), std::memory_order_release);
    } else {
      set_failure(status.error());
    }
    done(status);
  });
}

bool ApplyLane::is_full() const {
  const std::lock_guard lock(mutex_);
  return bytes_ >= kWaitingBytesMax;
}

std::optional<Error> ApplyLane::failure() const {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return failure_;
  }
  return checkpointer_.failure();
}

std::string ApplyLane::room_note() const {
  const std::lock_guard lock(mutex_);
  return room_note_;
}

void ApplyLane::run() {
  pthread_setname_np(pthread_self(), "apply");
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !work_.empty(); });
      if (work_.empty()) break;
      work = std::exchange(work_, {});
      bytes_ = 0;
    }
    carry_out(std::move(work));
    options_.changed();
  }
  for (auto& read : reads_) {
    read.sink({Error{Errc::kUnavailable, "the log is shutting down"}, {}});
  }
}

void ApplyLane::carry_out(Work work) {
  const auto failed = failure();
  auto status = failed ? Status(*failed) : apply(work.entries);
  if (!status.ok()) give_up(work, status.error());
  for (const auto& refused : work.refused) {
    for (const auto& waiter : refused.waiters) {
      applier_.answer(waiter, refused.error, refused.leader);
    }
  }
  deliver();
  std::move(work.reads.begin(), work.reads.end(), std::back_inserter(reads_));
  answer_reads();
  if (!status.ok()) return;
  checkpoint_when_due(work.entries);
  for (const auto& job : work.jobs) {
    if (!this->failed()) job();
  }
}

void ApplyLane::answer_reads() {
  if (reads_.empty()) return;
  const auto failed = failure();
  const auto applied = this->applied();
  std::erase_if(reads_, [&](const Read& read) {
    if (!failed && read.index > applied) return false;
    read.sink(failed ? ReadAnswer{Error{Errc::kUnavailable, failed->message}, {}}
                     : ReadAnswer{applied, {}});
    return true;
  });
}

void ApplyLane::set_failure(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
  failed_.store(true, std::memory_order_release);
}

Status ApplyLane::apply(const std::vector<CommittedEntry>& entries) {
  for (const auto& committed : entries) MDFS_CHECK(applier_.apply(committed));
  MDFS_CHECK(applier_.commit());
  applied_.store(applier_.index(), std::memory_order_release);
  auto note = state_.room_note();
  const std::lock_guard lock(mutex_);
  room_note_ = std::move(note);
  return {};
}

// The entries are in the log, so that another start gives them to a state that works.
void ApplyLane::give_up(const Work& work, const Error& error) {
  set_failure(error);
  const Error undecided{Errc::kUnavailable, error.message};
  applier_.fail_batch(undecided);
  // Those of batches that were committed on the way have been answered, or are about to be.
  const auto applied = applier_.index();
  for (const auto& committed : work.entries) {
    if (committed.entry.index > applied && committed.waiter) {
      applier_.answer(*committed.waiter, undecided);
    }
  }
}

void ApplyLane::checkpoint_when_due(const std::vector<CommittedEntry>& entries) {
  entries_since_ += entries.size();
  for (const auto& committed : entries) bytes_since_ += committed.entry.payload.size();
  if (entries_since_ < options_.checkpoint_entries && bytes_since_ < options_.checkpoint_bytes) {
    return;
  }
  entries_since_ = bytes_since_ = 0;
  checkpointer_.request();
}

void ApplyLane::deliver() {
  auto completions = applier_.take_completions();
  for (ChannelId channel = 0; channel < completions.size(); ++channel) {
    if (!completions[channel].empty()) options_.deliver(channel, std::move(completions[channel]));
  }
}

}  // namespace minidfs::consensus
