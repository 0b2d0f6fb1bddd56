#include "base/standard_descriptors.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

namespace minidfs {
namespace {

// What a child with its standard descriptors closed finds; 0 when all is well.
int find_in_child() {
  for (int fd = 0; fd <= 2; ++fd) ::close(fd);
  if (!open_closed_descriptors()) return 1;
  char byte = 'x';
  // As if they were closed still: whoever reads or prints learns of it.
  if (::read(0, &byte, 1) != -1 || errno != EBADF) return 2;
  if (::write(1, &byte, 1) != -1 || errno != EBADF) return 3;
  if (::write(2, &byte, 1) != 1) return 4;
  return ::open("/dev/null", O_RDONLY) == 3 ? 0 : 5;
}

TEST_CASE("closed standard descriptors are opened, and the next file gets another number") {
  const pid_t child = ::fork();
  if (child == 0) {
    // Whatever else the test's process has open is none of the child's.
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
    ::_exit(find_in_child());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace minidfs
