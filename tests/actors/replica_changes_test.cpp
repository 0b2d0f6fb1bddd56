// What a datanode tells with its heartbeats.
#include "actors/replica_changes.hpp"

#include <catch2/catch.hpp>

namespace minidfs::actors {
namespace {

storage::ReplicaInfo replica(std::uint64_t block, std::uint64_t generation = 1) {
  return {BlockId{block}, generation, 100, 100};
}

}  // namespace

TEST_CASE("the replicas of a lost disk are told as removed, a bounded number with each heartbeat") {
  ReplicaChanges changes;
  std::vector<storage::ReplicaInfo> lost;
  const std::size_t count = ReplicaChanges::kBlocksPerHeartbeatMax + 5;
  for (std::size_t i = 1; i <= count; ++i) lost.push_back(replica(i));
  changes.replicas_lost(lost);
  // One of them has come back on another disk before anybody was told.
  changes.replica_stored(replica(3));
  const auto first = changes.take();
  CHECK(first.removed.size() == ReplicaChanges::kBlocksPerHeartbeatMax - 1);
  REQUIRE(first.added.size() == 1);
  CHECK(first.added[0].id == BlockId{3});
  CHECK(changes.take().removed.size() == 5);
  CHECK(changes.take().removed.empty());
  changes.put_back(first);
  CHECK(changes.take().removed.size() == first.removed.size());
}

TEST_CASE(
    "a replica counts as bad until it is removed or replaced, and each finding is passed on") {
  ReplicaChanges changes;
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
  const auto report = changes.take();
  CHECK(report.corrupt.empty());
  CHECK(report.removed.size() == 1);
  CHECK(report.added.size() == 1);
}

}  // namespace minidfs::actors
