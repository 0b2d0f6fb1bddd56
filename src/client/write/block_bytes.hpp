// Where the bytes of one block come from: read once in order, and again from the begin when the
// block has to be sent again. What can be read is what the block holds, whatever length its source
// is said to have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

// Not thread-safe.
class BlockBytes {
 public:
  virtual ~BlockBytes() = default;
  // What the block will take at most, as far as is known.
  virtual std::uint64_t length_max() const = 0;
  // The bytes from `offset` on: as many as `buffer` has room for, or fewer, with which the block
  // ends. They stand there or in memory of this object, until the next call. An error is final.
  virtual Result<std::span<const std::byte>> read(std::uint64_t offset,
                                                  std::span<std::byte> buffer) = 0;
  // Why what was read before cannot be read again, if so.
  virtual Status repeatable() const { return {}; }
};

// A part of a file that can be read anywhere.
class FileBytes final : public BlockBytes {
 public:
  // The descriptor stays the caller's. The block ends after `limit` bytes or with the file, which
  // is said to be after `expected`.
  FileBytes(int fd, std::uint64_t offset, std::uint64_t limit, std::uint64_t expected)
      : fd_(fd), offset_(offset), limit_(limit), expected_(expected) {}

  std::uint64_t length_max() const override { return expected_; }
  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override;

 private:
  int fd_;
  std::uint64_t offset_;
  std::uint64_t limit_;
  std::uint64_t expected_;
};

// A small local file as a whole, opened when it is read and again whenever it is read again.
class SmallFileBytes final : public BlockBytes {
 public:
  // `length`: what it is said to have. More than `limit` bytes are the error kTooLarge. The memory
  // may be shared with others that are not read at the same time.
  SmallFileBytes(std::string path, std::uint64_t length, std::size_t limit,
                 std::vector<std::byte>& memory)
      : path_(std::move(path)), length_(length), limit_(limit), memory_(memory) {}

  std::uint64_t length_max() const override { return length_; }
  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override;

 private:
  Status load();

  std::string path_;
  std::uint64_t length_;
  std::size_t limit_;
  std::vector<std::byte>& memory_;
  std::size_t loaded_ = 0;
};

// What came from a pipe, kept until its block is safe: in memory while it is small, else in a
// temporary file without a name. Reused for many blocks, so that its pages are reused too. It is an
// insurance: where the file cannot be had it keeps nothing more and says why.
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

// The next block of a source that can be read only once.
class StreamBytes final : public BlockBytes {
 public:
  // `replay` is empty. Both references outlive this object; the source is not used after its end
  // or that of the block was met.
  StreamBytes(Source& source, ReplayBuffer& replay, std::uint64_t limit)
      : source_(source), replay_(replay), limit_(limit) {}

  std::uint64_t length_max() const override { return ended_ ? replay_.length() : limit_; }
  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override;
  Status repeatable() const override { return replay_.kept(); }

  // Reads the first bytes of the block, to know whether there are any and whether there are more.
  Status begin(std::span<std::byte> buffer) { return keep_next(buffer); }
  // Reads on, only to keep it. REQUIRES: !whole().
  Status keep_next(std::span<std::byte> buffer);
  bool source_ended() const { return ended_; }
  bool whole() const { return ended_ || replay_.length() == limit_; }

 private:
  Result<std::size_t> read_on(std::span<std::byte> buffer);

  Source& source_;
  ReplayBuffer& replay_;
  std::uint64_t limit_;
  bool ended_ = false;
};

// TMPDIR, or /var/tmp, which is on a disk where /tmp may be memory.
std::string temporary_directory();

}  // namespace minidfs::client
