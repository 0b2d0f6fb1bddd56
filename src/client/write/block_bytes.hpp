// The bytes of one block while it is being written, readable again when it has to be written again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace minidfs::client {

class BlockBytes {
 public:
  virtual ~BlockBytes() = default;
  virtual std::uint64_t length() const = 0;
  // Fills the whole span from [offset, offset + size) of the block. An error is final.
  virtual Status read(std::uint64_t offset, std::span<std::byte> buffer) = 0;
};

// A part of a local file.
class FileBytes final : public BlockBytes {
 public:
  // The descriptor stays the caller's.
  FileBytes(int fd, std::uint64_t offset, std::uint64_t length)
      : fd_(fd), offset_(offset), length_(length) {}

  std::uint64_t length() const override { return length_; }
  Status read(std::uint64_t offset, std::span<std::byte> buffer) override;

 private:
  int fd_;
  std::uint64_t offset_;
  std::uint64_t length_;
};

// What came from a pipe, kept until its block is safe: in memory while it is small, else in a
// temporary file without a name. Reused for many blocks, so that its pages are reused too.
class ReplayBuffer final : public BlockBytes {
 public:
  static constexpr std::size_t kMemoryBytesMax = 4U << 20;

  // `directory` is where the temporary file would be; see temporary_directory().
  explicit ReplayBuffer(std::string directory) : directory_(std::move(directory)) {}

  void clear();
  Status append(std::span<const std::byte> bytes);

  std::uint64_t length() const override { return length_; }
  Status read(std::uint64_t offset, std::span<std::byte> buffer) override;

 private:
  std::string directory_;
  std::vector<std::byte> memory_;  // The first bytes, up to kMemoryBytesMax.
  UniqueFd file_;                  // The others, at their offset less memory_.size().
  std::uint64_t length_ = 0;
};

// TMPDIR, or /var/tmp, which is on a disk where /tmp may be memory.
std::string temporary_directory();

}  // namespace minidfs::client
