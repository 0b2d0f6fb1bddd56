// A value that some other thread gives to a coroutine. The coroutine waits for as long as it wants
// and no longer: what is given after this object's end is dropped, whatever has become of its loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "net/asio.hpp"

namespace minidfs::net {

template <class T>
class Answer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Answer(const asio::any_io_executor& executor)
      : timer_(executor), shared_(std::make_shared<Shared>()) {
    shared_->owner = this;
  }
  ~Answer() {
    const std::lock_guard lock(shared_->mutex);
    shared_->owner = nullptr;
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // What gives the value: once, on any thread, at any time.
  std::function<void(T)> giver() {
    return [shared = shared_](T value) { give(shared, std::move(value)); };
  }

  // Waits for it, on the loop; none at `deadline`, or when cancel() was called.
  asio::awaitable<std::optional<T>> take(TimePoint deadline) {
    for (;;) {
      auto value = taken();
      if (value || cancelled_ || std::chrono::steady_clock::now() >= deadline) co_return value;
      timer_.expires_at(deadline);
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  // On the loop.
  void cancel() {
    cancelled_ = true;
    timer_.cancel();
  }

 private:
  struct Shared {
    std::mutex mutex;
    Answer* owner = nullptr;  // Null when nobody wants the value any more.
    std::optional<T> value;
    bool waiting = false;
  };

  // Posting under the lock keeps the loop alive for so long: whoever ends it ends this object
  // before.
  static void give(const std::shared_ptr<Shared>& shared, T value) {
    const std::lock_guard lock(shared->mutex);
    if (shared->owner == nullptr) return;
    shared->value.emplace(std::move(value));
    if (!shared->waiting) return;
    asio::post(shared->owner->timer_.get_executor(), [shared] {
      const std::lock_guard again(shared->mutex);
      if (shared->owner != nullptr) shared->owner->timer_.cancel();
    });
  }

  std::optional<T> taken() {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting = !shared_->value;
    return std::move(shared_->value);
  }

  asio::steady_timer timer_;
  bool cancelled_ = false;
  std::shared_ptr<Shared> shared_;
};

}  // namespace minidfs::net
