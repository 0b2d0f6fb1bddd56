#include "transfer/writer_pulse.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

namespace minidfs::transfer {
namespace {

constexpr std::chrono::milliseconds kInterval{500};

// Runs while there is any pulse, and a little longer: short ones, which come one after another, do
// not wake it. Never destroyed before the last one: pulses are members of objects
// that the program's end does not outlive.
class PulseThread {
 public:
  static PulseThread& instance() {
    static PulseThread thread;
    return thread;
  }
  ~PulseThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void add(const WriterPulse* pulse) {
    const std::lock_guard lock(mutex_);
    pulses_.insert(pulse);
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { run(); });
    } else if (std::exchange(asleep_, false)) {
      changed_.notify_all();
    }
  }
  void remove(const WriterPulse* pulse) {
    const std::lock_guard lock(mutex_);
    pulses_.erase(pulse);
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (changed_.wait_for(lock, kInterval, [this] { return stopping_; })) return;
      for (const auto* pulse : pulses_) pulse->beat();
      asleep_ = pulses_.empty();
      changed_.wait(lock, [this] { return stopping_ || !asleep_; });
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_set<const WriterPulse*> pulses_;
  std::thread thread_;
  bool stopping_ = false;
  bool asleep_ = false;  // Until there is a pulse.
};

}  // namespace

WriterPulse::WriterPulse(std::function<void()> beat) : beat_(std::move(beat)) {
  PulseThread::instance().add(this);
}

WriterPulse::~WriterPulse() { PulseThread::instance().remove(this); }

}  // namespace minidfs::transfer
