#include "consensus/free_space.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <utility>

namespace minidfs::consensus {
namespace {
constexpr std::chrono::milliseconds kAskAgainAfter{250};
}

FreeSpace::FreeSpace(std::string directory, std::uint64_t min_bytes)
    : directory_(std::move(directory)), min_bytes_(min_bytes) {}

Status FreeSpace::check(TimePoint now) {
  if (!asked_at_ || now - *asked_at_ >= kAskAgainAfter) {
    struct statvfs info {};
    if (::statvfs(directory_.c_str(), &info) != 0) return errno_error(errno, directory_);
    free_bytes_ = std::uint64_t{info.f_bavail} * info.f_frsize;
    asked_at_ = now;
  }
  if (free_bytes_ >= min_bytes_) return {};
  return Error{Errc::kNoSpace, directory_ + ": " + std::to_string(free_bytes_) +
                                   " bytes free on its disk, changes need " +
                                   std::to_string(min_bytes_)};
}

}  // namespace minidfs::consensus
