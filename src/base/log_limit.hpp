// For lines of the log that strangers can cause: a few at once are written, then one a second.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

namespace minidfs {

// Any thread.
class LogLimit {
 public:
  using Clock = std::chrono::steady_clock;

  // Whether one more line may be written now. Each that is takes a second of a stock of 20.
  bool allow(Clock::time_point now = Clock::now()) {
    const std::lock_guard lock(mutex_);
    const auto after = std::max(used_until_, now - kStock) + kOneLine;
    if (after > now) return false;
    used_until_ = after;
    return true;
  }

 private:
  static constexpr std::chrono::seconds kOneLine{1};
  static constexpr std::chrono::seconds kStock{20};

  std::mutex mutex_;
  Clock::time_point used_until_{};
};

}  // namespace minidfs
