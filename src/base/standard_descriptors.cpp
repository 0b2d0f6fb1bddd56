#include "base/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace minidfs {

bool open_closed_descriptors() {
  constexpr std::array kModes{O_WRONLY, O_RDONLY, O_WRONLY};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // All below are open, so this is the lowest free number.
    if (::open("/dev/null", kModes[static_cast<std::size_t>(fd)]) != fd) return false;
  }
  return true;
}

}  // namespace minidfs
