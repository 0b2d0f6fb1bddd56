#include "base/descriptor_limit.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace minidfs {
namespace {

// What raise_descriptor_limit() returns and leaves in a process that begins with these limits.
std::size_t raised(rlim_t soft, rlim_t hard) {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{soft, hard};
    rlimit left{};
    std::size_t result = 0;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) result = raise_descriptor_limit();
    if (::getrlimit(RLIMIT_NOFILE, &left) != 0 || left.rlim_cur < result) result = 0;
    ::_exit(::write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
  }
  std::size_t result = 0;
  CHECK(::read(ends[0], &result, sizeof result) == sizeof result);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return result;
}

TEST_CASE("The soft limit of descriptors is raised to the hard one") {
  CHECK(raised(64, 512) == 512);
  CHECK(raised(512, 512) == 512);
}

}  // namespace
}  // namespace minidfs
