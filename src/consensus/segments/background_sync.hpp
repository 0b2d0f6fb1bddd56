// Makes a file durable on a thread of its own: that takes as long as the disk likes, and its owner
// has others who wait for a sign of life. Owned by one log.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.hpp"

namespace minidfs::consensus {

class BackgroundSync {
 public:
  BackgroundSync();
  ~BackgroundSync();  // Waits for the one that is under way.
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;

  // All by the owner. Whether one was begun, and its end not taken.
  bool is_begun() const { return begun_; }
  // `ended` is called on the other thread when the end can be taken. REQUIRES: !is_begun().
  void begin(std::function<Status()> sync, std::function<void()> ended);
  // How the one that was begun has ended, if it has.
  std::optional<Status> take();
  // The same, when it has. REQUIRES: is_begun().
  Status wait();

 private:
  void run();
  Status take_end();

  bool begun_ = false;  // The owner's.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<Status()> sync_;  // About to be run.
  std::function<void()> ended_;
  std::optional<Status> end_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace minidfs::consensus
