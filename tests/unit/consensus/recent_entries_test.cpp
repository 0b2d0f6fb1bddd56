#include "consensus/recent_entries.hpp"

#include <catch2/catch.hpp>

namespace minidfs::consensus {
namespace {

Entry entry(Index index, std::size_t bytes = 1000) {
  return {index, 1, EntryKind::kCommand, std::string(bytes, 'x')};
}

}  // namespace

TEST_CASE("the newest entries are kept as far as the bytes go") {
  RecentEntries recent(10'000);
  CHECK(recent.between(1, 1).empty());
  for (Index index = 5; index <= 100; ++index) {
    recent.add(entry(index));
    CHECK(recent.bytes() <= 10'000);
    const auto all = recent.between(index - std::min<Index>(index - 5, 8), index);
    REQUIRE(all.size() == 1 + std::min<Index>(index - 5, 8));
    for (std::size_t i = 0; i < all.size(); ++i) {
      REQUIRE(all[i].index == index + 1 - all.size() + i);
      REQUIRE(all[i].payload.size() == 1000);
    }
  }
  CHECK(recent.between(80, 100).empty());
  CHECK(recent.between(100, 101).empty());
}

TEST_CASE("entries that are cut off are not kept, and those that do not follow begin anew") {
  RecentEntries recent(100'000);
  for (Index index = 1; index <= 10; ++index) recent.add(entry(index));
  recent.cut(8);
  CHECK(recent.between(1, 7).size() == 7);
  CHECK(recent.between(7, 8).empty());
  recent.add(entry(8, 5));
  CHECK(recent.between(8, 8)[0].payload.size() == 5);
  recent.add(entry(20));
  CHECK(recent.between(8, 8).empty());
  CHECK(recent.between(20, 20).size() == 1);
  recent.cut(1);
  CHECK(recent.bytes() == 0);
}

TEST_CASE("an entry above the bound is not kept, and does no harm") {
  RecentEntries recent(10'000);
  for (Index index = 1; index <= 50; ++index) {
    recent.add(entry(index, index % 5 == 0 ? 50'000 : 10));
    CHECK(recent.bytes() <= 10'000);
  }
  CHECK(recent.between(50, 50).empty());
  CHECK(recent.between(46, 49).empty());
}

}  // namespace minidfs::consensus
