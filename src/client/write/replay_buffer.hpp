// What came from a pipe, kept until its block is safe: in memory while it is small, else in a
// temporary file without a name. Reused for many blocks, so that its pages are reused too. It is an
// insurance: where the file cannot be had it keeps nothing more and says why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace minidfs::client {

// Not thread-safe.
class ReplayBuffer {
 public:
  static constexpr std::size_t kMemoryBytesMax = 4U << 20;

  // `directory` is where the temporary file would be; see temporary_directory().
  explicit ReplayBuffer(std::string directory) : directory_(std::move(directory)) {}

  void clear();
  void append(std::span<const std::byte> bytes);

  // Of all that was appended, kept or not.
  std::uint64_t length() const { return length_; }
  // Why not all of it was kept.
  const Status& kept() const { return kept_; }
  // REQUIRES: kept().ok(), or all of it is among the first kMemoryBytesMax.
  Status read(std::uint64_t offset, std::span<std::byte> buffer) const;

 private:
  Status append_to_file(std::span<const std::byte> bytes, std::uint64_t offset);

  std::string directory_;
  std::vector<std::byte> memory_;  // The first bytes, up to kMemoryBytesMax.
  UniqueFd file_;                  // The others, at their offset less memory_.size().
  std::uint64_t length_ = 0;
  Status kept_;
};

// TMPDIR, or /var/tmp, which is on a disk where /tmp may be memory.
std::string temporary_directory();

}  // namespace minidfs::client
