#include "consensus/segments/background_sync.hpp"

#include <pthread.h>

#include <utility>

#include "base/error.hpp"

namespace minidfs::consensus {

BackgroundSync::BackgroundSync() : thread_([this] { run(); }) {}

BackgroundSync::~BackgroundSync() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundSync::begin(std::function<Status()> sync, std::function<void()> ended) {
  MDFS_ASSERT(!begun_);
  begun_ = true;
  {
    const std::lock_guard lock(mutex_);
    sync_ = std::move(sync);
    ended_ = std::move(ended);
  }
  changed_.notify_all();
}

std::optional<Status> BackgroundSync::take() {
  const std::lock_guard lock(mutex_);
  if (!end_) return std::nullopt;
  return take_end();
}

Status BackgroundSync::wait() {
  MDFS_ASSERT(begun_);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return end_.has_value(); });
  return take_end();
}

Status BackgroundSync::take_end() {
  begun_ = false;
  return *std::exchange(end_, std::nullopt);
}

// One that was begun is run even when the owner has gone: what it was to make durable may be the
// last thing that somebody was promised.
void BackgroundSync::run() {
  pthread_setname_np(pthread_self(), "raft-sync");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || sync_; });
    if (!sync_) return;
    const auto sync = std::exchange(sync_, nullptr);
    const auto ended = std::exchange(ended_, nullptr);
    lock.unlock();
    auto status = sync();
    lock.lock();
    end_ = std::move(status);
    changed_.notify_all();
    lock.unlock();
    ended();
    lock.lock();
  }
}

}  // namespace minidfs::consensus
