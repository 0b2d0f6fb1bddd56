// SIGINT, SIGTERM and SIGHUP, taken by a thread of their own, which may do what a signal handler
// may not.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace minidfs::cli {

// Made before any other thread that may be interrupted: it blocks the signals in the thread that
// makes it, and so in all that this one starts. What is blocked stays so when it ends.
class SignalThread {
 public:
  // What a process was told to ignore (by nohup, or a shell that starts it in the background) is
  // left so by kRespect and taken all the same by kTake.
  enum class Ignored { kRespect, kTake };

  // Calls `handler` with each signal, one at a time, from another thread.
  SignalThread(Ignored ignored, std::function<void(int)> handler);
  // Waits for a handler that runs. REQUIRES: not called by the handler.
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void run(const std::stop_token& over, const std::function<void(int)>& handler) const;

  sigset_t signals_{};
  std::jthread thread_;
};

// "SIGTERM" and so on, for messages.
const char* signal_name(int signal);

}  // namespace minidfs::cli
