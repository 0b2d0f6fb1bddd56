#include "auth/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <span>

#include "base/file.hpp"

namespace minidfs::auth {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

}  // namespace

Result<std::string> read_private_file(const std::string& path, const std::string& what,
                                      std::uint64_t bytes_max) {
  const auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd.ok()) {
    return Error{fd.error().code, "cannot read the " + what + ": " + fd.error().message};
  }
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return errno_error(errno, path);
  if (!S_ISREG(status.st_mode)) {
    return Error{Errc::kInvalidArgument, path + ": a " + what + " is kept in a regular file"};
  }
  if ((status.st_mode & kOthers) != 0) {
    return Error{Errc::kPermissionDenied, path + ": others than its owner may use this " + what +
                                              "; chmod 600 it, and replace it if they may have "
                                              "read it"};
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > bytes_max) {
    return Error{Errc::kTooLarge, path + ": is no " + what + " of minidfs: it has " +
                                      std::to_string(size) + " bytes"};
  }
  std::string text(size, '\0');
  MDFS_CHECK(read_at(fd->get(), std::as_writable_bytes(std::span(text)), 0, path));
  return text;
}

}  // namespace minidfs::auth
