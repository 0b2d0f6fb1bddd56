// What a coroutine of a loop waits for while threads of the block store work for it. The store
// answers every job, within the time-outs of its disk, so the wait ends; a loop that stops runs on
// until then.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "transfer/server_loop.hpp"

namespace minidfs::transfer {

// The answers to one job or several, each waited for by itself.
template <class T>
class DiskAnswers : public std::enable_shared_from_this<DiskAnswers<T>> {
 public:
  explicit DiskAnswers(ServerLoop& loop, std::size_t count = 1)
      : loop_(loop.shared_from_this()), signal_(loop.io().get_executor()), values_(count) {}

  // Once for each place, from any thread.
  void give(std::size_t place, T value) {
    {
      const std::lock_guard lock(mutex_);
      values_[place].emplace(std::move(value));
      if (waits_for_ != place) return;
    }
    // Who wakes up shall find the lock free.
    asio::post(loop_->io(), [self = this->shared_from_this()] { self->signal_.notify(); });
  }

  // Once for each place, on the loop, one at a time.
  asio::awaitable<T> take(std::size_t place) {
    while (!given(place)) co_await signal_.wait(Clock::now() + kLookAgain);
    co_return std::move(*values_[place]);
  }

 private:
  // A condition is looked at again after so long, though every change of it is signalled.
  static constexpr std::chrono::seconds kLookAgain{1};

  bool given(std::size_t place) {
    const std::lock_guard lock(mutex_);
    const bool given = values_[place].has_value();
    waits_for_ = given ? std::nullopt : std::optional(place);
    return given;
  }

  // Who waits may find the value by itself, and end with its loop, while it is told.
  const std::shared_ptr<ServerLoop> loop_;
  Signal signal_;
  std::mutex mutex_;
  std::vector<std::optional<T>> values_;
  std::optional<std::size_t> waits_for_;
};

}  // namespace minidfs::transfer
