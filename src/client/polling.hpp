// Waiting for what the namenode does in the background, which it tells only when it is asked.
#pragma once

#include <chrono>
#include <thread>

#include "base/result.hpp"

namespace minidfs::client {

// Asks `done`, which gives a Result<bool>, at once and then after every `interval`, until it says
// so or gives an error.
template <class Done>
Status poll_until(std::chrono::milliseconds interval, Done done) {
  for (;;) {
    MDFS_TRY(const bool is_done, done());
    if (is_done) return {};
    std::this_thread::sleep_for(interval);
  }
}

}  // namespace minidfs::client
