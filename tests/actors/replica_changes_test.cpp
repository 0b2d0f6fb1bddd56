// What a datanode tells with its heartbeats.
#include "actors/replica_changes.hpp"

#include <catch2/catch.hpp>

#include "unit/transfer/fake_block_store.hpp"

namespace minidfs::actors {
namespace {

storage::ReplicaInfo replica(std::uint64_t block, std::uint64_t generation = 1) {
  return {BlockId{block}, generation, 100, 100};
}

}  // namespace

TEST_CASE(
    "the replicas of a lost disk are told as unreachable, a bounded number with each heartbeat") {
  ReplicaChanges changes;
  changes.listen(1);
  std::vector<storage::ReplicaInfo> lost;
  const std::size_t count = ReplicaChanges::kBlocksPerHeartbeatMax + 5;
  for (std::size_t i = 1; i <= count; ++i) lost.push_back(replica(i));
  changes.replicas_unreachable(lost);
  // One of them has come back on another disk before anybody was told.
  changes.replica_stored(replica(3));
  const auto first = changes.take(1);
  CHECK(first.unreachable.size() == ReplicaChanges::kBlocksPerHeartbeatMax - 1);
  CHECK(first.removed.empty());
  REQUIRE(first.added.size() == 1);
  CHECK(first.added[0].id == BlockId{3});
  CHECK(changes.take(1).unreachable.size() == 5);
  CHECK(changes.take(1).empty());
  changes.put_back(1, first);
  CHECK(changes.take(1).unreachable.size() == first.unreachable.size());
}

TEST_CASE("a replica that was bad before its disk hung is bad when it is back") {
  ReplicaChanges changes;
  changes.listen(1);
  changes.replica_corrupt(BlockId{1}, 1, "flipped");
  changes.take(1);
  const std::vector replicas{replica(1), replica(2)};
  changes.replicas_unreachable(replicas);
  changes.take(1);
  changes.replicas_back(replicas);
  const auto report = changes.take(1);
  CHECK(report.back.size() == 2);
  REQUIRE(report.corrupt.size() == 1);
  CHECK(report.corrupt[0].id == BlockId{1});
  CHECK(changes.is_bad(BlockId{1}, 1));
}

TEST_CASE(
    "a replica counts as bad until it is removed or replaced, and each finding is passed on") {
  ReplicaChanges changes;
  changes.listen(1);
  int findings = 0;
  changes.on_bad_found([&] { ++findings; });
  changes.replica_corrupt(BlockId{1}, 2, "flipped");
  changes.replica_corrupt(BlockId{2}, 2, "flipped");
  CHECK(findings == 2);
  CHECK(changes.is_bad(BlockId{1}, 2));
  CHECK(changes.is_bad(BlockId{1}, 3));
  CHECK_FALSE(changes.is_bad(BlockId{1}, 1));
  CHECK_FALSE(changes.is_bad(BlockId{3}, 2));
  changes.replica_removed(BlockId{1}, 2);
  changes.replica_stored(replica(2, 3));
  CHECK_FALSE(changes.is_bad(BlockId{1}, 2));
  CHECK_FALSE(changes.is_bad(BlockId{2}, 3));
  const auto report = changes.take(1);
  CHECK(report.corrupt.empty());
  CHECK(report.removed.size() == 1);
  CHECK(report.added.size() == 1);
}

TEST_CASE("what was called bad and is whole is told as stored, unless it was called bad again") {
  ReplicaChanges changes;
  changes.listen(1);
  changes.replica_corrupt(BlockId{1}, 1, "one read failed");
  changes.replica_corrupt(BlockId{2}, 1, "one read failed");
  CHECK(changes.take_unchecked() == std::vector{BlockId{1}, BlockId{2}});
  changes.take(1);
  CHECK(changes.finding(replica(1, 2)) == 0);
  CHECK(changes.finding(replica(3)) == 0);
  const auto first = changes.finding(replica(1));
  const auto second = changes.finding(replica(2));
  REQUIRE(first != 0);
  changes.replica_corrupt(BlockId{2}, 1, "while it is read");
  changes.replica_whole(replica(1), first);
  changes.replica_whole(replica(2), second);
  const auto report = changes.take(1);
  CHECK(report.added == std::vector{metadata::Block{BlockId{1}, 1, 100}});
  REQUIRE(report.corrupt.size() == 1);
  CHECK(report.corrupt[0].id == BlockId{2});
  CHECK_FALSE(changes.is_bad(BlockId{1}, 1));
  CHECK(changes.is_bad(BlockId{2}, 1));
  CHECK(changes.take_unchecked().empty());
}

TEST_CASE("what another process of the node called bad is looked at, and not told anew") {
  ReplicaChanges changes;
  changes.listen(1);
  changes.replica_corrupt(BlockId{1}, 1, "here");
  const auto finding = changes.finding(replica(1));
  changes.take(1);
  const std::vector doubted{metadata::Block{BlockId{1}, 1, 100}, {BlockId{2}, 1, 100}};
  changes.doubt(doubted);
  CHECK(changes.take(1).empty());
  CHECK(changes.finding(replica(1)) == finding);
  CHECK(changes.take_unchecked() == std::vector{BlockId{1}, BlockId{2}});
  changes.replica_whole(replica(2), changes.finding(replica(2)));
  CHECK(changes.take(1).added.size() == 1);
}

TEST_CASE(
    "what is told of a block that is stored and removed at once is what is there in the end") {
  transfer::FakeBlockStore store{{1, 2}};
  ReplicaChanges changes;
  changes.listen(1);
  changes.look_in(store);
  const auto put = [&] {
    auto writer = store.create(BlockId{1}, 1, 0);
    REQUIRE(writer.ok());
    (*writer)->finish([](const Result<storage::ReplicaInfo>&) {});
  };
  SECTION("a removal overtakes what is told of the storing") {
    changes.replica_removed(BlockId{1}, 1);
    changes.replica_stored(replica(1));
    const auto report = changes.take(1);
    CHECK(report.added.empty());
    CHECK(report.removed.size() == 1);
  }
  SECTION("a storing overtakes what is told of the removal") {
    put();
    changes.replica_stored(replica(1));
    changes.replica_removed(BlockId{1}, 1);
    const auto report = changes.take(1);
    CHECK(report.added.size() == 1);
    CHECK(report.removed.empty());
  }
}

TEST_CASE("whatever makes a replica count again makes earlier orders to remove it void") {
  ReplicaChanges changes;
  changes.listen(1);
  changes.replica_corrupt(BlockId{3}, 1, "flipped");
  const auto finding = changes.finding(replica(3));
  changes.take(1);
  std::vector<RemoveOrder> orders;
  for (std::uint64_t block = 1; block <= 4; ++block) orders.push_back({BlockId{block}, 1});
  CHECK(changes.accept(1, orders, {}).size() == 4);
  changes.replica_stored(replica(1));
  changes.replicas_back(std::vector{replica(2)});
  changes.replica_whole(replica(3), finding);
  CHECK(changes.removals_queued() == 4);
  for (std::uint64_t block = 1; block <= 3; ++block) {
    CHECK_FALSE(changes.take_removal(BlockId{block}, 0).has_value());
  }
  CHECK(changes.take_removal(BlockId{4}, 0).has_value());
  CHECK(changes.removals_queued() == 0);
  // They are obeyed when the namenode has been told.
  CHECK(changes.accept(1, orders, {}) == std::vector{BlockId{4}});
  changes.take(1);
  CHECK(changes.accept(1, orders, {}).size() == 3);
}

}  // namespace minidfs::actors
