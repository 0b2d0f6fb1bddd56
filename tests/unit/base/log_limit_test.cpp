#include "base/log_limit.hpp"

#include <catch2/catch.hpp>

namespace minidfs {
namespace {

using namespace std::chrono_literals;

TEST_CASE("twenty lines at once and then one a second are allowed, however long it was quiet") {
  LogLimit limit;
  LogLimit::Clock::time_point now{1h};
  const auto allowed_now = [&] {
    int count = 0;
    while (limit.allow(now)) ++count;
    return count;
  };
  CHECK(allowed_now() == 20);
  now += 999ms;
  CHECK(allowed_now() == 0);
  now += 1ms;
  CHECK(allowed_now() == 1);
  now += 3s;
  CHECK(allowed_now() == 3);
  now += 24h;
  CHECK(allowed_now() == 20);
}

}  // namespace
}  // namespace minidfs
