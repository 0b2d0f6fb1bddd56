// The programs beside end early when they are told to, in order.
#pragma once

#include <atomic>
#include <csignal>

namespace minidfs::history {

inline std::atomic<bool> stop{false};

inline void stop_at_sigterm() {
  std::signal(SIGTERM, [](int) { stop = true; });
}

}  // namespace minidfs::history
