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

}  // namespace

Status FileBytes::read(std::uint64_t offset, std::span<std::byte> buffer) {
  std::uint64_t position = offset_ + offset;
  while (!buffer.empty()) {
    const ssize_t count = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(position));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, "reading the source");
    if (count == 0) {
      return Error{Errc::kIoError, "the source shrank while it was read: it ends at byte " +
                                       std::to_string(position) + " instead of at least " +
                                       std::to_string(offset_ + length_)};
    }
    position += static_cast<std::uint64_t>(count);
    buffer = buffer.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

void ReplayBuffer::clear() {
  memory_.clear();
  length_ = 0;
}

Status ReplayBuffer::append(std::span<const std::byte> bytes) {
  const auto in_memory = std::min(bytes.size(), kMemoryBytesMax - memory_.size());
  const auto head = bytes.first(in_memory);
  memory_.insert(memory_.end(), head.begin(), head.end());
  const auto tail = bytes.subspan(in_memory);
  if (!tail.empty()) {
    if (!file_) {
      MDFS_TRY(file_, nameless_file(directory_));
    }
    MDFS_CHECK(write_at(file_.get(), tail, length_ + in_memory - memory_.size(),
                        "a temporary file in " + directory_));
  }
  length_ += bytes.size();
  return {};
}

Status ReplayBuffer::read(std::uint64_t offset, std::span<std::byte> buffer) {
  MDFS_ASSERT(offset + buffer.size() <= length_);
  if (offset < memory_.size()) {
    const auto head = std::min<std::size_t>(buffer.size(), memory_.size() - offset);
    std::memcpy(buffer.data(), memory_.data() + offset, head);
    buffer = buffer.subspan(head);
    offset += head;
  }
  if (buffer.empty()) return {};
  return read_at(file_.get(), buffer, offset - memory_.size(), "a temporary file in " + directory_);
}

std::string temporary_directory() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

}  // namespace minidfs::client
