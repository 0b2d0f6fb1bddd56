// Adds up the progress of many threads and tells a callback of it, at most about ten times a
// second and one call at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "client/file_system.hpp"

namespace minidfs::client {

class ProgressMeter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kInterval{100};

  // An empty callback makes everything below nearly free.
  explicit ProgressMeter(const ProgressCallback& callback) : callback_(callback) {}

  void set_total(std::uint64_t bytes, std::uint64_t files) {
    bytes_total_ = bytes;
    files_total_ = files;
  }
  void add_total(std::uint64_t bytes, std::uint64_t files) {
    bytes_total_ += bytes;
    files_total_ += files;
  }

  void add_bytes(std::uint64_t bytes) { add_bytes(bytes, std::chrono::steady_clock::now()); }
  void add_bytes(std::uint64_t bytes, TimePoint now);
  void add_files(std::uint64_t files) { files_done_ += files; }
  // Tells the last state, whenever the one before was told.
  void finish();

 private:
  Progress snapshot() const;

  const ProgressCallback& callback_;
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<std::uint64_t> bytes_total_{0};
  std::atomic<std::uint64_t> files_done_{0};
  std::atomic<std::uint64_t> files_total_{0};
  std::mutex calling_;
  TimePoint last_call_;
};

}  // namespace minidfs::client
