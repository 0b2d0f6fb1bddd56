#include "client/local_attributes.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace minidfs::client {
namespace {

timespec time_of(std::int64_t milliseconds) {
  // Before 1970 the seconds are rounded down, as the nanoseconds count upwards.
  const std::int64_t rest = ((milliseconds % 1000) + 1000) % 1000;
  timespec time{};
  time.tv_sec = static_cast<time_t>((milliseconds - rest) / 1000);
  time.tv_nsec = static_cast<long>(rest * 1'000'000);
  return time;
}

std::array<timespec, 2> times_of(const Attributes& attributes) {
  return {time_of(attributes.accessed_ms), time_of(attributes.modified_ms)};
}

}  // namespace

Attributes attributes_of(const metadata::FileStatus& status) {
  const bool is_file = status.kind == metadata::FileKind::kFile;
  return {status.permission, status.modified_ms, is_file ? status.accessed_ms : status.modified_ms};
}

Status set_local_attributes(int fd, const std::string& path, const Attributes& attributes) {
  if (::fchmod(fd, attributes.permission) != 0) return errno_error(errno, path);
  const auto times = times_of(attributes);
  return ::futimens(fd, times.data()) == 0 ? Status() : Status(errno_error(errno, path));
}

Status set_local_attributes(const std::string& path, const Attributes& attributes) {
  if (::chmod(path.c_str(), attributes.permission) != 0) return errno_error(errno, path);
  const auto times = times_of(attributes);
  return ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0
             ? Status()
             : Status(errno_error(errno, path));
}

}  // namespace minidfs::client
