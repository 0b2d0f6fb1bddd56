// Modes and times of local files, as the namespace knows them, and back again.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

// Without what the namespace has not: set-user-id bits, fractions of milliseconds.
inline Attributes attributes_of(const struct stat& status) {
  constexpr mode_t kPermissionBits = 01777;
  const auto milliseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
  };
  return {static_cast<std::uint16_t>(status.st_mode & kPermissionBits),
          milliseconds(status.st_mtim), milliseconds(status.st_atim)};
}
// A directory has no time of access there: that of its modification takes its place.
Attributes attributes_of(const metadata::FileStatus& status);

// Gives them to the file behind `fd`; `path` is for the error.
Status set_local_attributes(int fd, const std::string& path, const Attributes& attributes);
// The same by path; links are followed.
Status set_local_attributes(const std::string& path, const Attributes& attributes);

}  // namespace minidfs::client
