#include <catch2/catch.hpp>

#include "client/link/request_window.hpp"
#include "client/link/retry_schedule.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

TEST_CASE("Delays double up to the longest one, shortened by at most half") {
  for (const std::uint64_t random : {0ULL, 1ULL, 12'345ULL, ~0ULL}) {
    Backoff backoff;
    milliseconds full = Backoff::kFirst;
    for (int i = 0; i < 10; ++i) {
      const auto delay = backoff.next(random);
      CHECK(delay <= full);
      CHECK(delay >= full / 2);
      full = std::min(full * 2, Backoff::kLongest);
    }
    CHECK(full == Backoff::kLongest);
  }
}

TEST_CASE("A schedule that was reset begins with the first delay again") {
  Backoff backoff;
  for (int i = 0; i < 5; ++i) (void)backoff.next(0);
  CHECK(backoff.next(0) == Backoff::kLongest);
  backoff.reset();
  CHECK(backoff.next(0) == Backoff::kFirst);
}

TEST_CASE("Only errors that may go away are asked again") {
  for (std::uint8_t value = 1; value <= kErrcMax; ++value) {
    const auto code = static_cast<Errc>(value);
    INFO(errc_info(code).name);
    switch (code) {
      case Errc::kTimedOut:
      case Errc::kBusy:
      case Errc::kUnavailable:
      case Errc::kSafeMode:
      case Errc::kNoDatanode:
        CHECK(retry_class(code) == RetryClass::kSamePlace);
        break;
      case Errc::kNotLeader:
        CHECK(retry_class(code) == RetryClass::kElsewhere);
        break;
      default:
        CHECK(retry_class(code) == RetryClass::kNever);
    }
  }
}

TEST_CASE("Times read as people write them") {
  CHECK(duration_text(milliseconds(10'000)) == "10 s");
  CHECK(duration_text(milliseconds(500)) == "500 ms");
  CHECK(duration_text(milliseconds(1'500)) == "1500 ms");
}

TEST_CASE("Requests are numbered from 1 and carry the lowest number without an answer") {
  const ClientId client{1, 2};
  RequestWindow window(client);
  const auto first = window.open();
  const auto second = window.open();
  CHECK(first.client == client);
  CHECK(first.sequence == 1);
  CHECK(first.acknowledged_below == 1);
  CHECK(second.sequence == 2);
  CHECK(second.acknowledged_below == 1);
}

TEST_CASE("An answer out of order acknowledges nothing until those before it are here") {
  RequestWindow window(ClientId{1, 2});
  for (int i = 0; i < 3; ++i) (void)window.open();
  window.close(2);
  CHECK(window.open().acknowledged_below == 1);
  window.close(1);
  CHECK(window.open().acknowledged_below == 3);
  window.close(3);
  window.close(5);
  window.close(4);
  const auto last = window.open();
  CHECK(last.sequence == 6);
  CHECK(last.acknowledged_below == 6);
}

}  // namespace
}  // namespace minidfs::client
