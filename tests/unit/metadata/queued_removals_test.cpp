#include "metadata/queued_removals.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using Taken = QueuedRemovals::Taken;

constexpr BlockId kBlock{7};
constexpr std::uint64_t kFence = 0;

// Of a node that has nothing more to tell.
struct AllTold {
  ChangeCollector collected;
  IncrementalReport told_later;

  operator Untold() const { return {collected, told_later}; }
};

Taken order(QueuedRemovals& removals, BlockId block, std::uint64_t generation = 1) {
  const AllTold nothing;
  return removals.order(block, generation, nothing);
}

}  // namespace

TEST_CASE("A removal that is ordered twice is carried out once") {
  QueuedRemovals removals(10);
  CHECK(order(removals, kBlock) == Taken::kQueued);
  CHECK(order(removals, kBlock) == Taken::kStands);
  CHECK(removals.size() == 1);
  CHECK(removals.take(kBlock, kFence) == 1U);
  CHECK_FALSE(removals.take(kBlock, kFence).has_value());
  CHECK(removals.size() == 0);
  CHECK(order(removals, kBlock) == Taken::kQueued);
}

TEST_CASE("A replica that came after its block's removal was ordered does not go by that") {
  QueuedRemovals removals(10);
  order(removals, kBlock);
  order(removals, BlockId{8});
  removals.came(kBlock);
  removals.came(BlockId{9});
  CHECK_FALSE(removals.take(kBlock, kFence).has_value());
  CHECK(removals.take(BlockId{8}, kFence) == 1U);
  CHECK(removals.size() == 0);
}

TEST_CASE("A void removal holds again when the namenode orders it anew, as far as it says then") {
  QueuedRemovals removals(10);
  order(removals, kBlock, 5);
  removals.came(kBlock);
  CHECK(order(removals, kBlock, 3) == Taken::kStands);
  CHECK(removals.take(kBlock, kFence) == 3U);
}

TEST_CASE("An order for a newer replica reaches as far as the newest that was meant") {
  QueuedRemovals removals(10);
  order(removals, kBlock, 1);
  order(removals, kBlock, 3);
  order(removals, kBlock, 2);
  CHECK(removals.take(kBlock, kFence) == 3U);
}

TEST_CASE("An order is not taken for a replica that the namenode had not heard of") {
  QueuedRemovals removals(10);
  AllTold told;
  SECTION("as it was just stored") { told.collected.stored({kBlock, 1, 100}); }
  SECTION("as it is back with its disk") { told.collected.back({kBlock, 1, 100}); }
  SECTION("as it was stored before a later heartbeat") {
    told.told_later.added = {{BlockId{6}, 1, 100}, {kBlock, 1, 100}};
  }
  SECTION("as it was back before a later heartbeat") {
    told.told_later.back = {{kBlock, 1, 100}, {BlockId{9}, 1, 100}};
  }
  CHECK(removals.order(kBlock, 1, told) == Taken::kNot);
  CHECK(removals.order(BlockId{8}, 1, told) == Taken::kQueued);
  CHECK(removals.size() == 1);
}

TEST_CASE("An order is taken whatever else is still to be told of its replica") {
  QueuedRemovals removals(10);
  AllTold told;
  SECTION("that it is gone") { told.collected.removed({kBlock, 1, 100}); }
  SECTION("that it is out of reach") { told.collected.unreachable({kBlock, 1, 100}); }
  SECTION("that it is bad") { told.collected.found_corrupt({kBlock, 1, 100}); }
  SECTION("that it is gone, before a later heartbeat") {
    told.told_later.removed = {{kBlock, 1, 100}};
  }
  CHECK(removals.order(kBlock, 1, told) == Taken::kQueued);
}

TEST_CASE("What an order meant stays when it comes again and is not taken") {
  QueuedRemovals removals(10);
  order(removals, kBlock);
  AllTold told;
  told.collected.stored({kBlock, 1, 100});
  removals.came(kBlock);
  CHECK(removals.order(kBlock, 1, told) == Taken::kNot);
  CHECK_FALSE(removals.take(kBlock, kFence).has_value());
}

TEST_CASE("Only so many removals wait, and the void ones among them keep their place") {
  QueuedRemovals removals(2);
  order(removals, BlockId{1});
  order(removals, BlockId{2});
  removals.came(BlockId{1});
  CHECK(order(removals, BlockId{3}) == Taken::kNot);
  CHECK(order(removals, BlockId{2}) == Taken::kStands);
  removals.take(BlockId{1}, kFence);
  CHECK(order(removals, BlockId{3}) == Taken::kQueued);
}

TEST_CASE("A fence drops what waits, also when the same is ordered after it") {
  QueuedRemovals removals(10);
  order(removals, kBlock);
  order(removals, BlockId{8});
  removals.fence(1);
  CHECK(removals.size() == 0);
  CHECK(order(removals, kBlock) == Taken::kQueued);
  CHECK_FALSE(removals.take(kBlock, 0).has_value());  // Of before, whose turn comes first.
  CHECK_FALSE(removals.take(BlockId{8}, 0).has_value());
  CHECK(removals.take(kBlock, 1) == 1U);
}

}  // namespace minidfs::metadata
