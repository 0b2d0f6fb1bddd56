#include "client/write/local_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "client/local_attributes.hpp"

namespace minidfs::client {

Result<LocalSource> LocalSource::open(const std::string& path) {
  MDFS_TRY(auto file, open_file(path, O_RDONLY));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return errno_error(errno, path);
  if (!S_ISREG(status.st_mode)) return LocalSource(std::move(file), path, 0, std::nullopt);
  return LocalSource(std::move(file), path, static_cast<std::uint64_t>(status.st_size),
                     attributes_of(status));
}

Result<std::size_t> LocalSource::read(std::span<std::byte> buffer) {
  ssize_t count = 0;
  do {
    count = ::read(file_.get(), buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno_error(errno, path_);
  return static_cast<std::size_t>(count);
}

Result<std::optional<std::uint64_t>> local_length(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno_error(errno, path);
  if (S_ISDIR(status.st_mode)) return Error{Errc::kIsADirectory, path + ": is a directory"};
  if (!S_ISREG(status.st_mode)) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(status.st_size));
}

}  // namespace minidfs::client
