#include "cluster/small_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

namespace minidfs::test {
namespace {

bool mount_tmpfs(const std::string& directory, std::uint64_t size_bytes) {
  const auto options = "size=" + std::to_string(size_bytes);
  return ::mount("minidfs-test", directory.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

}  // namespace

bool SmallDisk::available() {
  char path[] = "/tmp/minidfs-mount-XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  const bool mounted = mount_tmpfs(path, 1 << 20);
  const std::string reason = std::strerror(errno);
  if (mounted) ::umount2(path, MNT_DETACH);
  ::rmdir(path);
  if (!mounted) WARN("SKIPPED: no small file system can be mounted here: " << reason);
  return mounted;
}

SmallDisk::SmallDisk(std::string directory, std::uint64_t size_bytes)
    : directory_(std::move(directory)) {
  std::filesystem::create_directories(directory_);
  REQUIRE(mount_tmpfs(directory_, size_bytes));
}

SmallDisk::~SmallDisk() { ::umount2(directory_.c_str(), MNT_DETACH); }

std::uint64_t SmallDisk::free_bytes() const {
  struct statvfs space {};
  if (::statvfs(directory_.c_str(), &space) != 0) FAIL("statvfs of " << directory_);
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
}

std::uint64_t SmallDisk::fill() const {
  const int fd = ::open(stranger().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  REQUIRE(fd >= 0);
  // By pages at the end, so that not one is left.
  const std::vector<char> zeros(1 << 20);
  std::uint64_t total = 0;
  for (std::size_t piece = zeros.size(); piece >= 4096;) {
    const ssize_t count = ::write(fd, zeros.data(), piece);
    if (count > 0) {
      total += static_cast<std::uint64_t>(count);
    } else {
      piece /= 2;
    }
  }
  ::close(fd);
  return total;
}

void SmallDisk::relieve() const { std::filesystem::remove(stranger()); }

}  // namespace minidfs::test
