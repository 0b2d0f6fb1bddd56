#include "base/refusal_log.hpp"

#include <catch2/catch.hpp>

namespace minidfs {
namespace {

using namespace std::chrono_literals;

constexpr RefusalLog::Clock::time_point kStart{1h};

TEST_CASE("a peer that is refused again and again is told of once a minute, with how often") {
  RefusalLog log;
  auto now = kStart;
  CHECK(log.line("10.0.0.1:5000", "is refused: why", {}, now) ==
        "the connection of 10.0.0.1:5000 is refused: why");
  for (int i = 1; i <= 59; ++i)
    CHECK_FALSE(log.line("10.0.0.1:5001", "is refused: why", {}, now += 1s));
  CHECK(log.line("10.0.0.1:5002", "is refused: why", {}, now += 1s) ==
        "the connection of 10.0.0.1:5002 is refused: why (59 more since last told)");
  CHECK_FALSE(log.line("10.0.0.1:5003", "is refused: why", {}, now));
}

TEST_CASE("another machine, process or reason is told of at once") {
  RefusalLog log;
  CHECK(log.line("10.0.0.1:5000", "is refused: why", {}, kStart));
  CHECK(log.line("10.0.0.2:5000", "is refused: why", {}, kStart));
  CHECK(log.line("10.0.0.1:5000", "is refused: other", {}, kStart));
  CHECK(log.line("10.0.0.1:5000", "is refused: why", "a process", kStart));
  CHECK_FALSE(log.line("10.0.0.1:5000", "is refused: why", "a process", kStart));
  CHECK(log.line("[::1]:5000", "is refused: why", {}, kStart));
  CHECK_FALSE(log.line("[::1]:5001", "is refused: why", {}, kStart));
}

TEST_CASE("of ever new kinds no more lines are written than strangers may cause in all") {
  RefusalLog log;
  int written = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto peer = std::to_string(i) + ":1";
    if (log.line(peer, "is refused: why", {}, kStart)) ++written;
  }
  CHECK(written == 20);
}

}  // namespace
}  // namespace minidfs
