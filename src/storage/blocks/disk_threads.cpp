#include "storage/blocks/disk_threads.hpp"

#include <algorithm>

namespace minidfs::storage {

namespace {

// Reads, writes, syncs. So many large replicas of one disk are synced at the same time.
constexpr std::array<std::size_t, kDiskWorkKinds> kThreads{3, 3, 3};
// Jobs that somebody waits for, in one queue; more are refused.
constexpr std::size_t kQueuedMax = 8192;
// One job may take so many time-outs while others of its disk make progress.
constexpr int kJobTimeouts = 3;

std::size_t index(DiskWork work) { return static_cast<std::size_t>(work); }

}  // namespace

DiskThreads::DiskThreads(Options options)
    : options_(std::move(options)), health_(options_.timeout) {
  for (std::size_t kind = 0; kind < kDiskWorkKinds; ++kind) {
    for (std::size_t i = 0; i < kThreads[kind]; ++i) {
      threads_.emplace_back([this, kind] { run(static_cast<DiskWork>(kind)); });
    }
  }
}

void DiskThreads::finish() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (Lane& lane : lanes_) lane.ready.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Error DiskThreads::hangs_error() const {
  return {Errc::kTimedOut, options_.directory + ": the disk hangs; it made no progress for " +
                               std::to_string(options_.timeout.count()) + " ms"};
}

void DiskThreads::submit(DiskWork work, Job job) {
  Lane& lane = lanes_[index(work)];
  auto pending = std::make_shared<Pending>(Pending{std::move(job), Clock::now(), false});
  Error refusal;
  bool taken = false;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const bool hangs = health_.condition() == DiskCondition::kHangs;
    taken = !pending->job.given_up || (!hangs && lane.queue.size() < kQueuedMax);
    if (taken) {
      lane.queue.push_back(std::move(pending));  // It ends on a thread of the disk.
      wake = lane.idle > 0;
    } else {
      refusal = hangs ? hangs_error()
                      : Error{Errc::kUnavailable, options_.directory + ": too much waits for it"};
    }
  }
  if (wake) lane.ready.notify_one();  // Who wakes up shall find the lock free.
  if (!taken) pending->job.given_up(refusal);
}

Status DiskThreads::do_and_wait(DiskWork work, std::function<void()> run) {
  constexpr std::chrono::milliseconds kLookInterval{100};
  struct Answer {
    std::mutex mutex;
    std::condition_variable ready;
    bool done = false;
  };
  auto answer = std::make_shared<Answer>();
  submit(work, {std::move(run),
                [answer] {
                  const std::lock_guard lock(answer->mutex);
                  answer->done = true;
                  answer->ready.notify_one();
                },
                {}});
  std::unique_lock lock(answer->mutex);
  while (!answer->ready.wait_for(lock, kLookInterval, [&] { return answer->done; })) {
    if (condition() == DiskCondition::kHangs) return hangs_error();
  }
  return {};
}

void DiskThreads::run(DiskWork work) {
  Lane& lane = lanes_[index(work)];
  std::unique_lock lock(mutex_);
  for (;;) {
    while (lane.queue.empty()) {
      if (closed_) return;
      ++lane.idle;
      lane.ready.wait(lock);
      --lane.idle;
    }
    PendingPtr pending = std::move(lane.queue.front());
    lane.queue.pop_front();
    lane.running.push_back(pending);
    health_.step(DiskHealth::Event::kBegan, work, Clock::now());
    lock.unlock();
    pending->job.run();
    lock.lock();
    std::erase(lane.running, pending);
    const bool settled = std::exchange(pending->settled, true);
    const auto effects = health_.step(DiskHealth::Event::kEnded, work, Clock::now());
    lock.unlock();
    if (effects.back) options_.changed(effects);
    if (!settled && pending->job.done) pending->job.done();
    pending.reset();
    lock.lock();
  }
}

void DiskThreads::step(DiskHealth::Event event, DiskWork work) {
  DiskHealth::Effects effects;
  {
    const std::lock_guard lock(mutex_);
    effects = health_.step(event, work, Clock::now());
  }
  if (effects.back) options_.changed(effects);
}

// Those that wait for jobs which were submitted before `before`; they count as settled.
std::vector<DiskThreads::PendingPtr> DiskThreads::take_overdue(Clock::time_point before) {
  std::vector<PendingPtr> overdue;
  const auto take = [&](const PendingPtr& pending) {
    if (!pending->job.given_up || pending->settled || pending->since > before) return false;
    pending->settled = true;
    overdue.push_back(pending);
    return true;
  };
  for (Lane& lane : lanes_) {
    for (const PendingPtr& pending : lane.running) take(pending);
    std::erase_if(lane.queue, take);
  }
  return overdue;
}

void DiskThreads::tick() {
  const auto now = Clock::now();
  DiskHealth::Effects effects;
  std::vector<PendingPtr> overdue;
  {
    const std::lock_guard lock(mutex_);
    effects = health_.step(DiskHealth::Event::kTick, DiskWork::kRead, now);
    const bool hangs = health_.condition() == DiskCondition::kHangs;
    overdue = take_overdue(hangs ? now : now - kJobTimeouts * options_.timeout);
  }
  if (effects.hangs || effects.unavailable) options_.changed(effects);
  for (const PendingPtr& pending : overdue) pending->job.given_up(hangs_error());
}

DiskCondition DiskThreads::condition() const {
  const std::lock_guard lock(mutex_);
  return health_.condition();
}

std::chrono::milliseconds DiskThreads::stalled_for() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(health_.stalled_for(Clock::now()));
}

}  // namespace minidfs::storage
