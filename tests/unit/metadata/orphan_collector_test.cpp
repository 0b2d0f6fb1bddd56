#include "metadata/orphan_collector.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{};
constexpr ClientId kClient{0, 1};

BlockRange range(std::uint64_t first, std::uint64_t count) { return {BlockId{first}, count}; }

BlockMap map_with_orphan(std::uint64_t id) {
  BlockMap map;
  map.node_joined(NodeIndex{0}, RackIndex{0});
  map.add_reported(NodeIndex{0}, {BlockId{id}, 1, 100, true}, nullptr);
  return map;
}

constexpr OrphanCollector::Situation kCalm{false, true};

// What is due, marked as it is by the block manager.
std::vector<ReplicaDelete> collect(OrphanCollector& collector, BlockMap& map,
                                   const WriteSessions& sessions,
                                   const OrphanCollector::Situation& situation, TimePoint now) {
  std::vector<ReplicaDelete> deletes;
  for (const BlockId block : collector.due(map, sessions, situation, now)) {
    const auto more = map.free_block(block);
    deletes.insert(deletes.end(), more.begin(), more.end());
  }
  return deletes;
}

}  // namespace

TEST_CASE("An orphan is deleted after the grace period and asked for again until it is gone") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  CHECK(collect(collector, map, sessions, kCalm, kStart).empty());
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(99)).empty());
  const std::vector expected{ReplicaDelete{BlockId{7}, 1, NodeIndex{0}}};
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(100)) == expected);
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(101)).empty());
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(130)) == expected);
  map.remove_replica(NodeIndex{0}, BlockId{7}, 1);
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(200)).empty());
  CHECK(collector.tracked() == 0);
}

TEST_CASE("With another leadership the grace of all that was taken in begins anew") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  // While another one leads nothing is due, and everything is taken in.
  CHECK(collect(collector, map, sessions, {true, true}, kStart).empty());
  CHECK(collector.tracked() == 1);
  collector.begin_again(kStart + seconds(99));
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(198)).empty());
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(199)).size() == 1);
}

TEST_CASE("A block of a running writer is no orphan, and its grace begins with the last renewal") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1}, {seconds(60), 10, 10, 10});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  const SessionId id = sessions.open(kClient, kStart).value();
  for (int s = 0; s <= 300; s += 20) {
    REQUIRE(sessions.renew(id, kClient, std::vector{range(7, 1)}, kStart + seconds(s)).ok());
    CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(s)).empty());
  }
  CHECK(sessions.expire(kStart + seconds(360)).size() == 1);
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(399)).empty());
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(400)).size() == 1);
}

TEST_CASE("An orphan that is committed in time is left alone") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  collect(collector, map, sessions, kCalm, kStart);
  map.commit_block({{BlockId{7}, 1, 100}, 1}, {});
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(1000)).empty());
  CHECK(map.readable_replicas(BlockId{7}).size() == 1);
}

TEST_CASE("Nothing is collected in safe mode or before every live node has reported") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  collect(collector, map, sessions, kCalm, kStart);
  const TimePoint later = kStart + seconds(1000);
  CHECK(collect(collector, map, sessions, {true, true}, later).empty());
  CHECK(collect(collector, map, sessions, {false, false}, later).empty());
  CHECK(collect(collector, map, sessions, {}, later).empty());
  CHECK(collect(collector, map, sessions, kCalm, later).size() == 1);
}

TEST_CASE("A round of collection is bounded and the next ones do the rest") {
  BlockMap map;
  map.node_joined(NodeIndex{0}, RackIndex{0});
  for (std::uint64_t id = 1; id <= 25; ++id) {
    map.add_reported(NodeIndex{0}, {BlockId{id}, 1, 100, true}, nullptr);
  }
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  for (const std::size_t taken_in : {10U, 20U, 25U, 25U}) {
    CHECK(collect(collector, map, sessions, kCalm, kStart).empty());
    CHECK(collector.tracked() == taken_in);
  }
  for (const std::size_t deleted : {10U, 10U, 5U, 0U}) {
    CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(100)).size() == deleted);
  }
}

TEST_CASE("The deletions of a freed block are repeated only when they are not confirmed") {
  BlockMap map = map_with_orphan(7);
  map.commit_block({{BlockId{7}, 1, 100}, 1}, {});
  CHECK(map.free_block(BlockId{7}).size() == 1);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  CHECK(collect(collector, map, sessions, kCalm, kStart).empty());
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(30)).size() == 1);
}

TEST_CASE("Blocks that came and went are forgotten when their time has come") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  collect(collector, map, sessions, kCalm, kStart);
  map.remove_replica(NodeIndex{0}, BlockId{7}, 1);
  map.add_reported(NodeIndex{0}, {BlockId{7}, 1, 100, true}, nullptr);
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(50)).empty());
  CHECK(collector.tracked() == 1);
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(149)).empty());
  CHECK(collect(collector, map, sessions, kCalm, kStart + seconds(150)).size() == 1);
}

}  // namespace minidfs::metadata
