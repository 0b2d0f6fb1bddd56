// Time since the machine was started, with the time for which it was suspended, which
// std::chrono::steady_clock leaves out: for promises that others rely on meanwhile. Never goes
// back, and has nothing to do with the time of day or with another machine.
#pragma once

#include <time.h>

#include <chrono>

#include "base/error.hpp"

namespace minidfs {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec time{};
    MDFS_ASSERT(::clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};

}  // namespace minidfs
