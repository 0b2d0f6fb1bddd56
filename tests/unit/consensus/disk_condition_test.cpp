#include "consensus/disk_condition.hpp"

#include <catch2/catch.hpp>

namespace minidfs::consensus {

using std::chrono::milliseconds;

TEST_CASE(
    "what a sync takes is known after the first one, and follows what "
    "they take now") {
  SyncLatency latency;
  CHECK(latency.micros() == 0);
  latency.add(milliseconds(8));
  CHECK(latency.micros() == 8'000);
  latency.add(milliseconds(16));
  CHECK(latency.micros() == 10'000);
  for (int i = 0; i < 40; ++i) latency.add(milliseconds(400));
  CHECK(latency.micros() > 390'000);
  for (int i = 0; i < 40; ++i) latency.add(milliseconds(1));
  CHECK(latency.micros() < 2'000);
  latency.add(std::chrono::hours(100));
  latency.add(std::chrono::hours(100));
  CHECK(latency.micros() > 1'000'000);
}

TEST_CASE("a sync that has not ended counts as soon as it has taken longer than others do") {
  SyncLatency latency;
  CHECK(latency.micros_with(milliseconds(7)) == 7'000);
  latency.add(milliseconds(8));
  CHECK(latency.micros_with(milliseconds(0)) == 8'000);
  CHECK(latency.micros_with(milliseconds(408)) == 108'000);
  CHECK(latency.micros() == 8'000);
}

TEST_CASE(
    "leadership goes to a disk that is three times as quick, when this "
    "one is slow") {
  const DiskCondition slow{300'000, false};
  CHECK(better_disk(slow, {{2, {100'000, false}}}) == 2);
  CHECK_FALSE(better_disk(slow, {{2, {100'001, false}}}));
  CHECK(better_disk(slow, {{2, {90'000, false}}, {3, {20'000, false}}}) == 3);
  CHECK_FALSE(better_disk(slow, {{2, {10'000, true}}}));
  CHECK(better_disk(slow, {{2, {10'000, true}}, {3, {90'000, false}}}) == 3);
  CHECK_FALSE(better_disk(slow, {}));
  // One that does well leads on, however quick others are.
  CHECK_FALSE(better_disk({99'999, false}, {{2, {1, false}}}));
}

TEST_CASE("leadership goes to any disk that has room, when this one is full") {
  const DiskCondition full{1'000, true};
  CHECK(better_disk(full, {{2, {50'000, false}}, {3, {1'000, true}}}) == 2);
  CHECK(better_disk(full, {{2, {50'000, false}}, {3, {5'000, false}}}) == 3);
  CHECK_FALSE(better_disk(full, {{2, {1, true}}, {3, {1, true}}}));
}

}  // namespace minidfs::consensus
