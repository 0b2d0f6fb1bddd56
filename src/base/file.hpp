// Owning file descriptors and the few POSIX file operations that every folder needs, with errors
// that name the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace minidfs {

// Owns a file descriptor; -1 is none. Closing ignores errors: durability is asked for with fsync.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC added.
Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0644);

// Reads the whole of a small file; kTooLarge above `limit_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t limit_bytes);

// Replaces `path` with `content` so that a crash leaves the old or the new content: temporary
// file, fsync, rename, fsync of the directory.
Status replace_file(const std::string& path, std::string_view content);

// unlink(2), but that one which is not there is no error.
Status remove_file(const std::string& path);

// pwrite(2) and pread(2) until all is done. A read that meets the end of file is kCorrupt.
Status write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                std::string_view what);
Status read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset, std::string_view what);

// fdatasync(2). After a failure the caller must give the file up and not try again: the kernel may
// have dropped the dirty pages.
Status sync_data(int fd, std::string_view what);

// fsync of a directory, which makes the names in it durable.
Status sync_directory(const std::string& path);

}  // namespace minidfs
