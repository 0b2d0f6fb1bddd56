#include "metadata/namespace_times.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;
const TimePoint kStart = TimePoint{} + hours(1000);

TEST_CASE("The time of files follows the clock and never goes back") {
  NamespaceTimes times{5000, 0};
  times.advance(6000, 0);
  CHECK(times.file_ms == 6000);
  times.advance(6000 + 10 * kYearMs, 0);
  CHECK(times.file_ms == 6000 + 10 * kYearMs);
  times.advance(6001, 0);
  CHECK(times.file_ms == 6000 + 10 * kYearMs);
}

TEST_CASE("Cluster time goes on with an entry by two seconds at most, and never back") {
  NamespaceTimes times{0, 1'000'000};
  times.advance(10 * kYearMs, 1'001'500);
  CHECK(times.cluster_ms == 1'001'500);
  times.advance(0, 1'001'500 + 10 * kYearMs);
  CHECK(times.cluster_ms == 1'003'500);
  times.advance(0, 1);
  CHECK(times.cluster_ms == 1'003'500);
  times.advance(0, 0);  // An entry of before there was cluster time.
  CHECK(times.cluster_ms == 1'003'500);
}

TEST_CASE("A proposer's cluster clock counts what passed since its last entry, up to two seconds") {
  ClusterClock clock(1'000'000, kStart);
  CHECK(clock.read(kStart) == 1'000'000);
  CHECK(clock.read(kStart + milliseconds(700)) == 1'000'700);
  CHECK(clock.read(kStart + milliseconds(300)) == 1'000'700);
  // An hour in which nobody asked for anything, or the process was stopped.
  CHECK(clock.read(kStart + hours(1)) == 1'002'700);
  CHECK(clock.read(kStart + hours(1) + milliseconds(5)) == 1'002'705);
}

TEST_CASE("A clock that is read often loses nothing") {
  ClusterClock clock(0, kStart);
  TimePoint now = kStart;
  for (int i = 0; i < 10'000; ++i) clock.read(now += microseconds(300));
  CHECK(clock.read(now) == 3000);
}

TEST_CASE("A client's id tells its birth, an id of version 1 one that has not come") {
  CHECK(birth_of(born_client(1'234, 77)) == 1'234);
  CHECK(born_client(1'234, 77).low == 77);
  CHECK(birth_of(ClientId{~std::uint64_t{0}, 1}) == INT64_MAX);
}

}  // namespace
}  // namespace minidfs::metadata
