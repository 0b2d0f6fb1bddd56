// Lets one coroutine sleep until another handler of the same thread has changed something, or until
// a deadline. The sleeper checks its condition before and after.
#pragma once

#include <chrono>

#include "net/asio.hpp"

namespace minidfs::transfer {

using Clock = std::chrono::steady_clock;

class Signal {
 public:
  explicit Signal(const asio::any_io_executor& executor) : timer_(executor) {}
  asio::awaitable<void> wait(Clock::time_point deadline);
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace minidfs::transfer
