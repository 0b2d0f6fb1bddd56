// A few threads of one disk for what takes the disk's time: syncs, and starting to write back.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "storage/blocks/work_queue.hpp"

namespace minidfs::storage {

class SyncThreads {
 public:
  explicit SyncThreads(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
  }
  // Does what was submitted, then ends.
  ~SyncThreads() {
    queue_.close();
    for (std::thread& thread : threads_) thread.join();
  }
  SyncThreads(const SyncThreads&) = delete;
  SyncThreads& operator=(const SyncThreads&) = delete;

  void submit(std::function<void()> work) { queue_.push(std::move(work)); }

 private:
  void run() {
    for (;;) {
      auto work = queue_.take(1);
      if (work.empty()) return;
      work.front()();
    }
  }

  WorkQueue<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace minidfs::storage
