#include "metadata/own_time.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

}  // namespace

TEST_CASE("Own time follows the clock as long as the process runs") {
  OwnTime time(milliseconds(500));
  CHECK(time.read(kStart) == kStart);
  CHECK(time.read(kStart + milliseconds(250)) == kStart + milliseconds(250));
  CHECK(time.read(kStart + milliseconds(750)) == kStart + milliseconds(750));
  CHECK(time.stood_still().from == time.stood_still().until);
}

TEST_CASE("A time in which the process stood still counts for one step, each time") {
  OwnTime time(milliseconds(500));
  TimePoint clock = kStart;
  time.read(clock);
  for (int i = 0; i < 20; ++i) {
    clock += seconds(30);
    time.read(clock);
    clock += milliseconds(100);
    time.read(clock);
  }
  CHECK(time.read(clock) == kStart + 20 * milliseconds(600));
}

TEST_CASE("A clock that goes back stands still") {
  OwnTime time(milliseconds(500));
  time.read(kStart + seconds(1));
  CHECK(time.read(kStart) == kStart + seconds(1));
}

TEST_CASE("A request is not served when its asker has given up") {
  OwnTime time(milliseconds(500));
  time.read(kStart);
  const RequestTimes request{kStart + seconds(10), kStart, seconds(10)};
  CHECK(judge_request(request, time, kStart + milliseconds(9'999)) == RequestVerdict::kServe);
  CHECK(judge_request(request, time, kStart + seconds(10)) == RequestVerdict::kOver);
}

TEST_CASE("What is read just after a standstill may be as old as that") {
  OwnTime time(milliseconds(500));
  time.read(kStart);
  const TimePoint woke = kStart + seconds(8);
  time.read(woke);
  const auto verdict = [&](TimePoint arrived, milliseconds left) {
    return judge_request({arrived + left, arrived, left}, time, arrived + milliseconds(1));
  };
  CHECK(verdict(woke + milliseconds(10), seconds(7)) == RequestVerdict::kAskAgain);
  // Had it been sent when the process stopped, there would still be time.
  CHECK(verdict(woke + milliseconds(10), seconds(9)) == RequestVerdict::kServe);
  CHECK(verdict(woke + milliseconds(300), seconds(7)) == RequestVerdict::kServe);
  // The timer of an actor may notice later than the sockets are read.
  CHECK(verdict(woke - milliseconds(5), seconds(7)) == RequestVerdict::kAskAgain);
}

TEST_CASE("A request of this process, or of one that waits for ever, is served") {
  OwnTime time(milliseconds(500));
  time.read(kStart);
  time.read(kStart + seconds(8));
  CHECK(judge_request({}, time, kStart + seconds(8)) == RequestVerdict::kServe);
  const RequestTimes endless{TimePoint::max(), kStart + seconds(8), milliseconds(0xFFFFFFFFLL)};
  CHECK(judge_request(endless, time, kStart + seconds(8)) == RequestVerdict::kServe);
}

}  // namespace minidfs::metadata
