// What is left out when a damaged file is read as far as possible: zeros stand in its place.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/result.hpp"

namespace minidfs::client {

// Of one file. Thread-safe.
class Salvage {
 public:
  // The bytes could not be read, for that reason.
  void leave_out(std::uint64_t offset, std::uint64_t length, const Error& why);
  // kCorrupt with what is missing, or success when nothing is. `path` is not part of it.
  Status result() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t bytes_ = 0;
  std::uint64_t first_ = UINT64_MAX;
  std::string why_;  // Of the first one in the file.
};

}  // namespace minidfs::client
