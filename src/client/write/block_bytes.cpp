#include "client/write/block_bytes.hpp"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace minidfs::client {
namespace {

// Not O_TMPFILE, which many file systems lack.
Result<UniqueFd> nameless_file(const std::string& directory) {
  std::string path = directory + "/minidfs-XXXXXX";
  UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return errno_error(errno, "a temporary file in " + directory);
  ::unlink(path.c_str());
  return file;
}

// read(2) or pread(2) until the buffer is full or the file ends.
Result<std::size_t> fill(int fd, std::uint64_t offset, std::span<std::byte> buffer,
                         const std::string& what) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t count = ::pread(fd, buffer.data() + filled, buffer.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, what);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

}  // namespace

Result<std::span<const std::byte>> FileBytes::read(std::uint64_t offset,
                                                   std::span<std::byte> buffer) {
  const auto wanted = buffer.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), limit_ - offset)));
  MDFS_TRY(const auto filled, fill(fd_, offset_ + offset, wanted, "reading the source"));
  return std::span<const std::byte>(wanted.first(filled));
}

Result<std::span<const std::byte>> SmallFileBytes::read(std::uint64_t offset,
                                                        std::span<std::byte> buffer) {
  if (offset == 0) MDFS_CHECK(load());
  const auto rest = std::span<const std::byte>(memory_).first(loaded_).subspan(
      static_cast<std::size_t>(std::min<std::uint64_t>(offset, loaded_)));
  return rest.first(std::min(rest.size(), buffer.size()));
}

Status SmallFileBytes::load() {
  MDFS_TRY(const auto fd, open_file(path_, O_RDONLY));
  // One byte more than it is said to have shows whether it has grown.
  auto room = std::min<std::size_t>(static_cast<std::size_t>(length_), limit_) + 1;
  loaded_ = 0;
  for (;;) {
    if (memory_.size() < room) memory_.resize(room);
    const auto buffer = std::span(memory_).subspan(loaded_, room - loaded_);
    MDFS_TRY(const auto filled, fill(fd.get(), loaded_, buffer, path_));
    loaded_ += filled;
    if (loaded_ < room) return {};
    if (room > limit_) {
      return Error{Errc::kTooLarge, path_ + ": has more than " + std::to_string(limit_) + " bytes"};
    }
    room = limit_ + 1;
  }
}

void ReplayBuffer::clear() {
  memory_.clear();
  length_ = 0;
  kept_ = {};
}

void ReplayBuffer::append(std::span<const std::byte> bytes) {
  const auto in_memory = std::min(bytes.size(), kMemoryBytesMax - memory_.size());
  const auto head = bytes.first(in_memory);
  memory_.insert(memory_.end(), head.begin(), head.end());
  const auto tail = bytes.subspan(in_memory);
  if (!tail.empty() && kept_.ok()) kept_ = append_to_file(tail, length_ + in_memory);
  length_ += bytes.size();
}

Status ReplayBuffer::append_to_file(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (!file_) {
    MDFS_TRY(file_, nameless_file(directory_));
  }
  return write_at(file_.get(), bytes, offset - memory_.size(), "a temporary file in " + directory_);
}

Status ReplayBuffer::read(std::uint64_t offset, std::span<std::byte> buffer) const {
  MDFS_ASSERT(offset + buffer.size() <= length_);
  if (offset < memory_.size()) {
    const auto head = std::min<std::size_t>(buffer.size(), memory_.size() - offset);
    std::memcpy(buffer.data(), memory_.data() + offset, head);
    buffer = buffer.subspan(head);
    offset += head;
  }
  if (buffer.empty()) return {};
  MDFS_CHECK(kept_);
  return read_at(file_.get(), buffer, offset - memory_.size(), "a temporary file in " + directory_);
}

Result<std::span<const std::byte>> StreamBytes::read(std::uint64_t offset,
                                                     std::span<std::byte> buffer) {
  const auto old =
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), replay_.length() - offset));
  MDFS_CHECK(replay_.read(offset, buffer.first(old)));
  std::size_t filled = old;
  if (filled < buffer.size() && !whole()) {
    MDFS_TRY(const auto more, read_on(buffer.subspan(filled)));
    filled += more;
  }
  return std::span<const std::byte>(buffer.first(filled));
}

Status StreamBytes::keep_next(std::span<std::byte> buffer) {
  MDFS_TRY([[maybe_unused]] const auto count, read_on(buffer));
  return {};
}

// Until the buffer is full or the block or the source ends.
Result<std::size_t> StreamBytes::read_on(std::span<std::byte> buffer) {
  const auto room =
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), limit_ - replay_.length()));
  std::size_t filled = 0;
  while (filled < room) {
    MDFS_TRY(const auto count, source_.read(buffer.subspan(filled, room - filled)));
    if (count == 0) break;
    filled += count;
  }
  ended_ = filled < room;
  replay_.append(buffer.first(filled));
  return filled;
}

std::string temporary_directory() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

}  // namespace minidfs::client
