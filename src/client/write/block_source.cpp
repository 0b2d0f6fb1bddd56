#include "client/write/block_source.hpp"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.hpp"

namespace minidfs::client {
namespace {

// Until the buffer is full or the file ends. One that gives less than was asked for, and just what
// it is said to have, has ended.
Result<std::size_t> fill(int fd, std::uint64_t offset, std::span<std::byte> buffer,
                         const std::string& what, std::uint64_t said = UINT64_MAX) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t count = ::pread(fd, buffer.data() + filled, buffer.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, what);
    filled += static_cast<std::size_t>(count);
    if (count == 0 || (filled < buffer.size() && offset + filled == said)) break;
  }
  return filled;
}

// A block of a file that can be read anywhere: ends after `limit` bytes or with the file, which is
// said to be after `expected`.
class FileBlock final : public BlockSource {
 public:
  FileBlock(int fd, std::uint64_t offset, std::uint64_t limit, std::uint64_t expected)
      : fd_(fd), offset_(offset), limit_(limit), expected_(expected) {}

  std::uint64_t length_max() const override { return expected_; }
  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override {
    const auto wanted = buffer.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), limit_ - offset)));
    MDFS_TRY(const auto filled, fill(fd_, offset_ + offset, wanted, "reading the source"));
    return std::span<const std::byte>(wanted.first(filled));
  }

 private:
  int fd_;
  std::uint64_t offset_;
  std::uint64_t limit_;
  std::uint64_t expected_;
};

}  // namespace

asio::awaitable<void> BlockSource::wait(std::uint64_t /*offset*/, std::size_t /*bytes*/) {
  co_return;
}

// --- Files -------------------------------------------------------------------------------------

Result<std::unique_ptr<BlockSource>> FileCutter::cut(std::uint64_t index,
                                                     std::span<std::byte> buffer) {
  auto block = std::make_unique<FileBlock>(fd_, index * block_size_, block_size_,
                                           block_length(length_, block_size_, index));
  if (index >= expected()) {
    // It may have become longer.
    MDFS_TRY(const auto more, block->read(0, buffer.first(1)));
    if (more.empty()) return std::unique_ptr<BlockSource>();
  }
  return std::unique_ptr<BlockSource>(std::move(block));
}

std::uint64_t block_length(std::uint64_t file_length, std::uint64_t block_size,
                           std::uint64_t index) {
  const auto begin = index * block_size;
  return begin < file_length ? std::min(block_size, file_length - begin) : block_size;
}

// --- Streams -----------------------------------------------------------------------------------

class StreamCutter::Block final : public BlockSource {
 public:
  explicit Block(StreamCutter& stream) : stream_(stream), replay_(stream.take_replay()) {}
  ~Block() override {
    const std::lock_guard lock(stream_.mutex_);
    stream_.free_.push_back(std::move(replay_));
  }

  std::uint64_t length_max() const override {
    return ended_ ? replay_->length() : stream_.block_size_;
  }

  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override {
    const auto old = static_cast<std::size_t>(
        std::min<std::uint64_t>(buffer.size(), replay_->length() - offset));
    MDFS_CHECK(replay_->read(offset, buffer.first(old)));
    std::size_t filled = old;
    if (filled < buffer.size() && !whole()) {
      MDFS_TRY(const auto more, read_on(buffer.subspan(filled)));
      filled += more;
    }
    return std::span<const std::byte>(buffer.first(filled));
  }

  bool whole() const override { return ended_ || replay_->length() == stream_.block_size_; }
  std::uint64_t kept() const override { return replay_->length(); }
  Status keep_next(std::span<std::byte> buffer) override {
    MDFS_TRY([[maybe_unused]] const auto count, read_on(buffer));
    return {};
  }
  Status repeatable() const override { return replay_->kept(); }

  bool has_come(std::uint64_t offset, std::size_t bytes) const override {
    const auto missing = missing_of(offset, bytes);
    return stream_.pieces_ == nullptr || missing == 0 || stream_.pieces_->holds(missing);
  }
  asio::awaitable<void> wait(std::uint64_t offset, std::size_t bytes) override {
    return stream_.pieces_->wait_for(missing_of(offset, bytes));
  }
  void end_wait() override { stream_.pieces_->end_waits(); }

 private:
  // How much more the block can take of so many bytes.
  std::size_t room_for(std::uint64_t bytes) const {
    const auto room = ended_ ? 0 : stream_.block_size_ - replay_->length();
    return static_cast<std::size_t>(std::min(bytes, room));
  }
  // Of so many bytes from `offset` on, those that are to be read from the source.
  std::size_t missing_of(std::uint64_t offset, std::size_t bytes) const {
    const auto old = replay_->length() - offset;
    return bytes <= old ? 0 : room_for(bytes - old);
  }

  // Until the buffer is full or the block or the source ends.
  Result<std::size_t> read_on(std::span<std::byte> buffer) {
    const auto room = room_for(buffer.size());
    std::size_t filled = 0;
    while (filled < room) {
      MDFS_TRY(const auto count, stream_.source_.read(buffer.subspan(filled, room - filled)));
      if (count == 0) break;
      filled += count;
    }
    if (filled < room) ended_ = stream_.ended_ = true;
    replay_->append(buffer.first(filled));
    return filled;
  }

  StreamCutter& stream_;
  std::unique_ptr<ReplayBuffer> replay_;
  bool ended_ = false;  // With this block.
};

Result<std::unique_ptr<BlockSource>> StreamCutter::cut(std::uint64_t /*index*/,
                                                       std::span<std::byte> buffer) {
  if (ended_) return std::unique_ptr<BlockSource>();
  auto block = std::make_unique<Block>(*this);
  MDFS_CHECK(block->keep_next(buffer));
  if (block->length_max() == 0) return std::unique_ptr<BlockSource>();
  return std::unique_ptr<BlockSource>(std::move(block));
}

std::unique_ptr<ReplayBuffer> StreamCutter::take_replay() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return std::make_unique<ReplayBuffer>(temporary_directory());
  auto replay = std::move(free_.back());
  free_.pop_back();
  replay->clear();
  return replay;
}

// --- Small files -------------------------------------------------------------------------------

Result<std::span<const std::byte>> SmallFileSource::read(std::uint64_t offset,
                                                         std::span<std::byte> buffer) {
  if (offset == 0) MDFS_CHECK(load());
  const auto rest = std::span<const std::byte>(memory_).first(loaded_).subspan(
      static_cast<std::size_t>(std::min<std::uint64_t>(offset, loaded_)));
  return rest.first(std::min(rest.size(), buffer.size()));
}

Status SmallFileSource::load() {
  MDFS_TRY(const auto fd, open_file(path_, O_RDONLY));
  // One byte more than it is said to have shows whether it has grown.
  auto room = std::min<std::size_t>(static_cast<std::size_t>(length_), limit_) + 1;
  loaded_ = 0;
  for (;;) {
    if (memory_.size() < room) memory_.resize(room);
    const auto buffer = std::span(memory_).subspan(loaded_, room - loaded_);
    MDFS_TRY(const auto filled, fill(fd.get(), loaded_, buffer, path_, length_));
    loaded_ += filled;
    if (loaded_ < room) return {};
    if (room > limit_) {
      return Error{Errc::kTooLarge, path_ + ": has more than " + std::to_string(limit_) + " bytes"};
    }
    room = limit_ + 1;
  }
}

}  // namespace minidfs::client
