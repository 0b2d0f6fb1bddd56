// A value that some other thread gives to a coroutine. The coroutine waits for as long as it wants
// and no longer: what is given after this object's end is dropped, whatever has become of its loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "net/asio.hpp"
// The above comes first: see there.
#include "base/result.hpp"

namespace minidfs::net {

// The waiting, whatever the value is.
class AnswerWait {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit AnswerWait(const asio::any_io_executor& executor) : timer_(executor) {}
  AnswerWait(const AnswerWait&) = delete;
  AnswerWait& operator=(const AnswerWait&) = delete;

  // On the loop.
  void cancel();

 protected:
  // What the giver holds on to.
  struct Shared {
    std::mutex mutex;
    AnswerWait* owner = nullptr;  // Null when nobody wants the value any more.
    bool waiting = false;
  };
  ~AnswerWait() = default;

  // Until `deadline`, cancel(), or the end of what was posted by wake().
  asio::awaitable<void> wait_until(TimePoint deadline);
  bool is_over(TimePoint deadline) const {
    return cancelled_ || std::chrono::steady_clock::now() >= deadline;
  }

  // Ends the owner's wait, on its loop. Under the lock, which keeps the loop alive for so long:
  // whoever ends it ends the owner before.
  static void wake(const std::shared_ptr<Shared>& shared);

 private:
  asio::steady_timer timer_;
  bool cancelled_ = false;
};

template <class T>
class Answer : public AnswerWait {
 public:
  explicit Answer(const asio::any_io_executor& executor)
      : AnswerWait(executor), shared_(std::make_shared<SharedValue>()) {
    shared_->owner = this;
  }
  ~Answer() {
    const std::lock_guard lock(shared_->mutex);
    shared_->owner = nullptr;
  }

  // What gives the value: once, on any thread, at any time.
  std::function<void(T)> giver() {
    return [shared = shared_](T value) { give(shared, std::move(value)); };
  }

  // Waits for it, on the loop, however long that takes: for givers that answer in time by
  // themselves, as the client's link does. kCancelled when cancel() was called.
  asio::awaitable<T> wait() {
    auto value = co_await take(TimePoint::max());
    if (value) co_return *std::move(value);
    co_return Error{Errc::kCancelled, "cancelled"};
  }
  // The same; none at `deadline`, or when cancel() was called.
  asio::awaitable<std::optional<T>> take(TimePoint deadline) {
    for (;;) {
      auto value = taken();
      if (value || is_over(deadline)) co_return value;
      co_await wait_until(deadline);
    }
  }

 private:
  struct SharedValue : Shared {
    std::optional<T> value;
  };

  static void give(const std::shared_ptr<SharedValue>& shared, T value) {
    const std::lock_guard lock(shared->mutex);
    if (shared->owner == nullptr) return;
    shared->value.emplace(std::move(value));
    if (shared->waiting) wake(shared);
  }

  std::optional<T> taken() {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting = !shared_->value;
    return std::move(shared_->value);
  }

  std::shared_ptr<SharedValue> shared_;
};

}  // namespace minidfs::net
