// sendfile() has no flag that keeps it from raising SIGPIPE when the peer has gone. Where the
// signal is blocked the call fails with EPIPE instead.
#pragma once

#include <csignal>

namespace minidfs::transfer {

// Blocks SIGPIPE on the calling thread for good: for threads of our own.
inline void ignore_broken_pipes() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// Blocks SIGPIPE on the calling thread, which is the caller's, for a while.
class BrokenPipesIgnored {
 public:
  BrokenPipesIgnored() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~BrokenPipesIgnored() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    // One that was raised meanwhile would be delivered now.
    const timespec at_once{};
    while (sigtimedwait(&pipe_, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  BrokenPipesIgnored(const BrokenPipesIgnored&) = delete;
  BrokenPipesIgnored& operator=(const BrokenPipesIgnored&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
};

}  // namespace minidfs::transfer
