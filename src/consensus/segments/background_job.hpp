// One job at a time on a thread of its own: it takes as long as the disk likes, and the owner of it
// has others who wait for a sign of life. Owned by one log.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.hpp"

namespace minidfs::consensus {

template <class T>
class BackgroundJob {
 public:
  // `thread_name`: at most 15 bytes, of static storage.
  explicit BackgroundJob(const char* thread_name)
      : thread_([this, thread_name] { run(thread_name); }) {}
  // One that was begun is run to its end: it may be what somebody was promised.
  ~BackgroundJob() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  BackgroundJob(const BackgroundJob&) = delete;
  BackgroundJob& operator=(const BackgroundJob&) = delete;

  // All by the owner. Whether one was begun, and what came of it is not taken.
  bool is_begun() const { return begun_; }
  // `ended` is called on the other thread when that can be taken. REQUIRES: !is_begun().
  void begin(std::function<T()> job, std::function<void()> ended) {
    MDFS_ASSERT(!begun_);
    begun_ = true;
    {
      const std::lock_guard lock(mutex_);
      job_ = std::move(job);
      ended_ = std::move(ended);
    }
    changed_.notify_all();
  }
  // What came of it, if it has ended.
  std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    if (outcome_) begun_ = false;
    return std::exchange(outcome_, std::nullopt);
  }
  // The same, when it has. REQUIRES: is_begun().
  T wait() {
    MDFS_ASSERT(begun_);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcome_.has_value(); });
    begun_ = false;
    return *std::exchange(outcome_, std::nullopt);
  }

 private:
  void run(const char* thread_name) {
    pthread_setname_np(pthread_self(), thread_name);
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || job_; });
      if (!job_) return;
      const auto job = std::exchange(job_, nullptr);
      const auto ended = std::exchange(ended_, nullptr);
      lock.unlock();
      auto outcome = job();
      lock.lock();
      outcome_.emplace(std::move(outcome));
      changed_.notify_all();
      lock.unlock();
      ended();
      lock.lock();
    }
  }

  bool begun_ = false;  // The owner's.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<T()> job_;  // About to be run.
  std::function<void()> ended_;
  std::optional<T> outcome_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace minidfs::consensus
