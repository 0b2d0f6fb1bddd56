#include "metadata/block_range_set.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

namespace minidfs::metadata {
namespace {

BlockRange range(std::uint64_t first, std::uint64_t count) { return {BlockId{first}, count}; }

}  // namespace

TEST_CASE("Ranges that touch are one, and a hole makes two") {
  BlockRangeSet set;
  set.add(range(10, 5));
  set.add(range(15, 5));
  CHECK(set.ranges() == std::vector{range(10, 10)});
  set.remove(range(12, 2));
  CHECK(set.ranges() == std::vector{range(10, 2), range(14, 6)});
  CHECK(set.take(1) == std::vector{range(10, 2)});
  CHECK(set.size() == 1);
}

TEST_CASE("A set of ranges agrees with a set of ids") {
  std::mt19937_64 random(42);
  BlockRangeSet set;
  std::set<std::uint64_t> naive;
  for (int step = 0; step < 500; ++step) {
    const auto part = range(random() % 200, random() % 12);
    const bool add = random() % 2 == 0;
    add ? set.add(part) : set.remove(part);
    for (std::uint64_t i = part.first.value; i < end_of(part); ++i) {
      if (add) {
        naive.insert(i);
      } else {
        naive.erase(i);
      }
    }
    std::size_t ranges = 0;
    for (std::uint64_t i = 0; i < 220; ++i) {
      if (set.contains(BlockId{i}) != naive.contains(i)) FAIL("step " << step << ", id " << i);
      ranges += naive.contains(i) && !naive.contains(i + 1) ? 1U : 0U;
    }
    REQUIRE(set.size() == ranges);
    const auto asked = range(random() % 200, 1 + random() % 12);
    const auto at = naive.lower_bound(asked.first.value);
    REQUIRE(set.overlaps(asked) == (at != naive.end() && *at < end_of(asked)));
  }
}

TEST_CASE("What is taken is bounded by ranges and by ids, and a range may be cut") {
  BlockRangeSet set;
  set.add({BlockId{10}, 100});
  set.add({BlockId{200}, 5});
  CHECK(set.take(9, 60) == std::vector<BlockRange>{{BlockId{10}, 60}});
  CHECK(set.take(9, 60) == std::vector<BlockRange>{{BlockId{70}, 40}, {BlockId{200}, 5}});
  CHECK(set.empty());
}

}  // namespace minidfs::metadata
