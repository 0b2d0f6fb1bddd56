// What a coroutine of a loop waits for while a thread of the block store works for it. The store
// answers every job, within the time-outs of its disk, so the wait ends; a loop that stops runs on
// until then.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "transfer/server_loop.hpp"
// The above comes first: see signal.hpp.
#include <boost/asio/post.hpp>

namespace minidfs::transfer {

template <class T>
class DiskAnswer : public std::enable_shared_from_this<DiskAnswer<T>> {
 public:
  explicit DiskAnswer(ServerLoop& loop) : loop_(loop), signal_(loop.io()) {}

  // Once, from any thread.
  void give(T value) {
    const std::lock_guard lock(mutex_);
    value_.emplace(std::move(value));
    if (!waiting_) return;
    asio::post(loop_.io(), [self = this->shared_from_this()] { self->signal_.notify(); });
  }

  // Once, on the loop.
  asio::awaitable<T> take() {
    while (!given()) co_await signal_.wait(Clock::now() + kLookAgain);
    co_return std::move(*value_);
  }

 private:
  // A condition is looked at again after so long, though every change of it is signalled.
  static constexpr std::chrono::seconds kLookAgain{1};

  bool given() {
    const std::lock_guard lock(mutex_);
    waiting_ = !value_;
    return !waiting_;
  }

  ServerLoop& loop_;
  Signal signal_;
  std::mutex mutex_;
  std::optional<T> value_;
  bool waiting_ = false;
};

}  // namespace minidfs::transfer
