#include "cli/command/signals.hpp"

#include <pthread.h>

#include <array>
#include <utility>

namespace minidfs::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
// Never of interest to a handler: only wakes the thread up.
constexpr int kWake = SIGUSR1;

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

SignalThread::SignalThread(Ignored ignored, std::function<void(int)> handler) {
  sigemptyset(&signals_);
  sigaddset(&signals_, kWake);
  for (const int signal : kSignals) {
    if (ignored == Ignored::kTake || !is_ignored(signal)) sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::jthread(
      [this, handler = std::move(handler)](const std::stop_token& over) { run(over, handler); });
}

SignalThread::~SignalThread() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), kWake);
}

void SignalThread::run(const std::stop_token& over, const std::function<void(int)>& handler) const {
  while (!over.stop_requested()) {
    int signal = 0;
    if (sigwait(&signals_, &signal) == 0 && signal != kWake) handler(signal);
  }
}

const char* signal_name(int signal) {
  return signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM";
}

}  // namespace minidfs::cli
