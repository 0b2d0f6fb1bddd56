#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace minidfs {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return errno_error(errno, path);
  return UniqueFd(fd);
}

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
  MDFS_TRY(auto fd, open_file(path, O_RDONLY));
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, path);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit_bytes) {
      return Error{Errc::kTooLarge, path + ": more than " + std::to_string(limit_bytes) + " bytes"};
    }
  }
}

Status replace_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  {
    MDFS_TRY(auto fd, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    MDFS_CHECK(write_at(fd.get(), std::as_bytes(std::span(content)), 0, temporary));
    if (::fsync(fd.get()) != 0) return errno_error(errno, temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error(errno, path);
  const auto parent = std::filesystem::path(path).parent_path().string();
  return sync_directory(parent.empty() ? "." : parent);
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return errno_error(errno, path);
}

Status write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, what);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Status read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, what);
    if (count == 0) {
      return Error{Errc::kCorrupt, std::string(what) + ": ends at offset " +
                                       std::to_string(offset) + ", " +
                                       std::to_string(bytes.size()) + " bytes missing"};
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Status sync_data(int fd, std::string_view what) {
  if (::fdatasync(fd) != 0) return errno_error(errno, what);
  return {};
}

Status sync_directory(const std::string& path) {
  MDFS_TRY(auto fd, open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return errno_error(errno, path);
  return {};
}

}  // namespace minidfs
