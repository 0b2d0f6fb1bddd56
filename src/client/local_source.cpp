#include "client/local_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "client/local_attributes.hpp"

namespace minidfs::client {

LocalSource::LocalSource(UniqueFd owned, int fd, std::string name)
    : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) return;
  attributes_ = attributes_of(status);
  // Offsets count from the file's begin, so a redirected file that is partly read is a stream.
  seekable_ = ::lseek(fd_, 0, SEEK_CUR) == 0;
  if (seekable_) length_ = static_cast<std::uint64_t>(status.st_size);
}

Status LocalSource::examine(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno_error(errno, path);
  if (S_ISDIR(status.st_mode)) {
    return Error{Errc::kIsADirectory, path + ": is a directory (use -r)"};
  }
  // Opening a device may have effects, and many never end.
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    return Error{Errc::kUnsupported, path + ": neither a regular file nor a pipe"};
  }
  return ::access(path.c_str(), R_OK) == 0 ? Status() : Status(errno_error(errno, path));
}

Result<LocalSource> LocalSource::open(const std::string& path) {
  MDFS_CHECK(examine(path));
  MDFS_TRY(auto file, open_file(path, O_RDONLY));
  const int fd = file.get();
  return LocalSource(std::move(file), fd, path);
}

LocalSource LocalSource::standard_input() {
  return LocalSource(UniqueFd(), STDIN_FILENO, "standard input");
}

Result<std::size_t> LocalSource::read(std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t count = ::read(fd_, buffer.data() + filled, buffer.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, name_);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

}  // namespace minidfs::client
