// How much room the disk of the log has, asked of the kernel at most four times a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace minidfs::consensus {

class FreeSpace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  FreeSpace(std::string directory, std::uint64_t min_bytes);

  // kNoSpace while less than the minimum is free.
  Status check(TimePoint now);
  // As of the last check().
  std::uint64_t bytes() const { return free_bytes_; }

 private:
  std::string directory_;
  std::uint64_t min_bytes_;
  std::optional<TimePoint> asked_at_;
  std::uint64_t free_bytes_ = 0;
};

}  // namespace minidfs::consensus
