#include "client/write/replay_buffer.hpp"

#include <fcntl.h>
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

std::string temporary_directory() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

}  // namespace minidfs::client
