// Whether the log's disk has room for more changes, asked of the kernel at most four times a
// second.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace minidfs::consensus {

class FreeSpace {
 public:
  FreeSpace(std::string directory, std::uint64_t min_bytes);

  // kNoSpace while less than the minimum is free. `now_ms` is of a steady clock.
  Status check(std::uint64_t now_ms);

 private:
  std::string directory_;
  std::uint64_t min_bytes_;
  std::uint64_t asked_ms_ = 0;
  bool asked_ = false;
  std::uint64_t free_bytes_ = 0;
};

}  // namespace minidfs::consensus
