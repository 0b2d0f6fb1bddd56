// Where the bytes of blocks come from. A BlockSource gives those of one block: once in order, and
// again from the begin when the block has to be sent again. A BlockCutter cuts a file or a stream
// into such blocks. What can be read is what a block holds, whatever length its source is said to
// have.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "net/asio.hpp"
// The above comes first: see there.
#include "base/result.hpp"
#include "client/file_system.hpp"
#include "client/write/piece_buffer.hpp"
#include "client/write/replay_buffer.hpp"

namespace minidfs::client {

// Not thread-safe.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  // What the block will take at most, as far as is known.
  virtual std::uint64_t length_max() const = 0;
  // The bytes from `offset` on: as many as `buffer` has room for, or fewer, with which the block
  // ends. They stand there or in memory of this object, until the next call. An error is final.
  virtual Result<std::span<const std::byte>> read(std::uint64_t offset,
                                                  std::span<std::byte> buffer) = 0;

  // Of a source that gives its bytes only once, which are kept here.
  // Whether all of them have come.
  virtual bool whole() const { return true; }
  // How many have been read so far.
  virtual std::uint64_t kept() const { return 0; }
  // Reads on, only to keep it. REQUIRES: !whole().
  virtual Status keep_next(std::span<std::byte> /*buffer*/) { return {}; }
  // Why what was read before cannot be read again, if so.
  virtual Status repeatable() const { return {}; }

  // Of a source whose bytes are brought by another coroutine on the loop of its reader.
  // Whether so many from `offset` on are here, or the end of the block. Before they are they must
  // not be read. REQUIRES: not more than a chunk of what was not read yet.
  virtual bool has_come(std::uint64_t /*offset*/, std::size_t /*bytes*/) const { return true; }
  // Waits until that may be so, or the wait is ended.
  virtual asio::awaitable<void> wait(std::uint64_t offset, std::size_t bytes);
  virtual void end_wait() {}
};

// A small local file as a whole, opened when it is read and again whenever it is read again.
class SmallFileSource final : public BlockSource {
 public:
  // `length`: what it is said to have. More than `limit` bytes are the error kTooLarge. The memory
  // may be shared with others that are not read at the same time.
  SmallFileSource(std::string path, std::uint64_t length, std::size_t limit,
                  std::vector<std::byte>& memory)
      : path_(std::move(path)), length_(length), limit_(limit), memory_(memory) {}

  std::uint64_t length_max() const override { return std::max<std::uint64_t>(length_, loaded_); }
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

// For one thread at a time.
class BlockCutter {
 public:
  virtual ~BlockCutter() = default;
  // The next block, which is number `index` of its file; null when the file has ended before it.
  // `buffer` is room to look at what comes.
  virtual Result<std::unique_ptr<BlockSource>> cut(std::uint64_t index,
                                                   std::span<std::byte> buffer) = 0;
  // How many blocks there will be, as far as is known after the first cut.
  virtual std::uint64_t expected() const = 0;
  // A block must be read to its end before the next one can be cut.
  virtual bool in_order() const = 0;
};

// Cuts a file that can be read anywhere.
class FileCutter final : public BlockCutter {
 public:
  // The descriptor stays the caller's. `length`, above 0, is what the file is said to have.
  FileCutter(int fd, std::uint64_t length, std::uint64_t block_size)
      : fd_(fd), length_(length), block_size_(block_size) {}

  Result<std::unique_ptr<BlockSource>> cut(std::uint64_t index,
                                           std::span<std::byte> buffer) override;
  std::uint64_t expected() const override { return (length_ - 1) / block_size_ + 1; }
  bool in_order() const override { return false; }

 private:
  int fd_;
  std::uint64_t length_;
  std::uint64_t block_size_;
};

// Cuts what can be read only once. Its blocks may live on while others are cut, but not longer than
// this.
class StreamCutter final : public BlockCutter {
 public:
  // REQUIRES: the source outlives this; it is not read after its end.
  StreamCutter(Source& source, std::uint64_t block_size)
      : source_(source), block_size_(block_size) {}
  // Of what is brought meanwhile. A block can be cut when the first bytes of it are here, as many
  // as the room to look at them.
  StreamCutter(PieceBuffer& pieces, std::uint64_t block_size)
      : source_(pieces), pieces_(&pieces), block_size_(block_size) {}

  Result<std::unique_ptr<BlockSource>> cut(std::uint64_t index,
                                           std::span<std::byte> buffer) override;
  std::uint64_t expected() const override { return ended_ ? 1 : UINT64_MAX; }
  bool in_order() const override { return true; }

 private:
  class Block;
  std::unique_ptr<ReplayBuffer> take_replay();

  Source& source_;
  PieceBuffer* pieces_ = nullptr;  // The source, if its bytes are brought.
  std::uint64_t block_size_;
  bool ended_ = false;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ReplayBuffer>> free_;  // Of blocks that are gone.
};

// What block `index` of a file will take, or what it may take if the file has become longer than
// `file_length`. Pure.
std::uint64_t block_length(std::uint64_t file_length, std::uint64_t block_size,
                           std::uint64_t index);

}  // namespace minidfs::client
