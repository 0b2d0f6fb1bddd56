#include "metadata/write_sessions.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{};
constexpr ClientId kClient{0, 1};
constexpr ClientId kOther{0, 2};

BlockRange range(std::uint64_t first, std::uint64_t count) { return {BlockId{first}, count}; }

BlockMap map_with_orphan(std::uint64_t id) {
  BlockMap map;
  map.node_joined(NodeIndex{0}, RackIndex{0});
  map.add_reported(NodeIndex{0}, {BlockId{id}, 1, 100, true}, nullptr);
  return map;
}

constexpr OrphanCollector::Situation kCalm{false, true};

}  // namespace

TEST_CASE("Block ids are handed out from reserved ranges, each once") {
  BlockIdAllocator ids({100, 20});
  CHECK(ids.allocate(1).error().code == Errc::kUnavailable);
  ids.add_range(range(1, 10));
  ids.add_range(range(101, 10));
  CHECK(ids.allocate(8).value() == std::vector{range(1, 8)});
  CHECK(ids.allocate(5).value() == std::vector{range(9, 2), range(101, 3)});
  CHECK(ids.remaining() == 7);
  CHECK(ids.allocate(8).error().code == Errc::kUnavailable);
  CHECK(ids.remaining() == 7);
  ids.clear();
  CHECK(ids.remaining() == 0);
}

TEST_CASE("A new range is asked for ahead of need, one at a time") {
  BlockIdAllocator ids({100, 20});
  CHECK(ids.take_reservation() == 100);
  CHECK(ids.take_reservation() == 0);
  ids.reservation_failed();
  CHECK(ids.take_reservation() == 100);
  ids.add_range(range(1, 100));
  CHECK(ids.take_reservation() == 0);
  REQUIRE(ids.allocate(81).ok());
  CHECK(ids.take_reservation() == 100);
  ids.add_range(range(101, 100));
  REQUIRE_FALSE(ids.allocate(500).ok());  // More than a usual range.
  CHECK(ids.take_reservation() == 500);
}

TEST_CASE("A session protects its blocks until the grace period after the last renewal") {
  WriteSessions sessions(SessionId{5}, {seconds(60), 10, 10, 1000});
  const SessionId id = sessions.open(kClient, kStart).value();
  CHECK(id == SessionId{5});
  REQUIRE(sessions.allocated(id, std::vector{range(10, 5)}, kStart).ok());
  CHECK(sessions.is_protected(BlockId{10}, kStart));
  CHECK(sessions.is_protected(BlockId{14}, kStart));
  CHECK_FALSE(sessions.is_protected(BlockId{15}, kStart));
  CHECK_FALSE(sessions.is_protected(BlockId{9}, kStart));
  REQUIRE(sessions.renew(id, kClient, {}, kStart + seconds(30)).ok());
  CHECK(sessions.expire(kStart + seconds(89)).empty());
  CHECK(sessions.is_protected(BlockId{10}, kStart + seconds(89)));
  CHECK_FALSE(sessions.is_protected(BlockId{10}, kStart + seconds(90)));
  CHECK(sessions.expire(kStart + seconds(90)) == std::vector{id});
  CHECK(sessions.allocated(id, {}, kStart).error().code == Errc::kExpired);
}

TEST_CASE("A namenode that restarted learns sessions and blocks from the renewals") {
  WriteSessions sessions(SessionId{1});
  REQUIRE(sessions.renew(SessionId{1}, kClient, std::vector{range(10, 5)}, kStart).ok());
  CHECK(sessions.is_open(SessionId{1}));
  CHECK(sessions.is_protected(BlockId{12}, kStart));
  CHECK(sessions.open(kOther, kStart).value() == SessionId{2});
}

TEST_CASE("Ranges that touch or overlap are kept as one") {
  WriteSessions sessions(SessionId{1}, {seconds(60), 10, 1, 1000});
  const SessionId id = sessions.open(kClient, kStart).value();
  REQUIRE(sessions.allocated(id, std::vector{range(10, 5)}, kStart).ok());
  REQUIRE(sessions.allocated(id, std::vector{range(15, 5)}, kStart).ok());
  REQUIRE(sessions.allocated(id, std::vector{range(5, 7)}, kStart).ok());
  REQUIRE(sessions.allocated(id, std::vector{range(6, 3)}, kStart).ok());
  for (std::uint64_t block = 5; block < 20; ++block) {
    CHECK(sessions.is_protected(BlockId{block}, kStart));
  }
  CHECK_FALSE(sessions.is_protected(BlockId{20}, kStart));
  CHECK(sessions.allocated(id, std::vector{range(30, 1)}, kStart).error().code == Errc::kTooLarge);
}

TEST_CASE("Absurd renewals are refused") {
  WriteSessions sessions(SessionId{1}, {seconds(60), 1, 10, 1000});
  const SessionId id = sessions.open(kClient, kStart).value();
  const auto code = [&](SessionId session, ClientId client, BlockRange claimed) {
    return sessions.renew(session, client, std::vector{claimed}, kStart).error().code;
  };
  CHECK(code(id, kClient, range(1, 1001)) == Errc::kInvalidArgument);
  CHECK(code(id, kClient, range(~0ULL, 2)) == Errc::kInvalidArgument);
  CHECK(code(id, kClient, range(0, 1)) == Errc::kInvalidArgument);
  CHECK(code(id, kClient, range(1, 0)) == Errc::kInvalidArgument);
  CHECK(code(id, kOther, range(1, 1)) == Errc::kPermissionDenied);
  CHECK(code(SessionId{0}, kClient, range(1, 1)) == Errc::kInvalidArgument);
  CHECK(code(SessionId{9}, kOther, range(1, 1)) == Errc::kTooLarge);
  CHECK(sessions.open(kOther, kStart).error().code == Errc::kTooLarge);
}

TEST_CASE("An orphan is deleted after the grace period and asked for again until it is gone") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  CHECK(collector.collect(map, sessions, kCalm, kStart).empty());
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(99)).empty());
  const std::vector expected{ReplicaDelete{BlockId{7}, 1, NodeIndex{0}}};
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(100)) == expected);
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(101)).empty());
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(130)) == expected);
  map.remove_replica(NodeIndex{0}, BlockId{7}, 1);
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(200)).empty());
  CHECK(collector.tracked() == 0);
}

TEST_CASE("A block of a running writer is no orphan, and its grace begins with the last renewal") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1}, {seconds(60), 10, 10, 10});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  const SessionId id = sessions.open(kClient, kStart).value();
  for (int s = 0; s <= 300; s += 20) {
    REQUIRE(sessions.renew(id, kClient, std::vector{range(7, 1)}, kStart + seconds(s)).ok());
    CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(s)).empty());
  }
  CHECK(sessions.expire(kStart + seconds(360)).size() == 1);
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(399)).empty());
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(400)).size() == 1);
}

TEST_CASE("An orphan that is committed in time is left alone") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  collector.collect(map, sessions, kCalm, kStart);
  map.commit_block({{BlockId{7}, 1, 100}, 1}, {});
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(1000)).empty());
  CHECK(map.readable_replicas(BlockId{7}).size() == 1);
}

TEST_CASE("Nothing is collected in safe mode or before every live node has reported") {
  BlockMap map = map_with_orphan(7);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  collector.collect(map, sessions, kCalm, kStart);
  const TimePoint later = kStart + seconds(1000);
  CHECK(collector.collect(map, sessions, {true, true}, later).empty());
  CHECK(collector.collect(map, sessions, {false, false}, later).empty());
  CHECK(collector.collect(map, sessions, {}, later).empty());
  CHECK(collector.collect(map, sessions, kCalm, later).size() == 1);
}

TEST_CASE("A round of collection is bounded and the next ones do the rest") {
  BlockMap map;
  map.node_joined(NodeIndex{0}, RackIndex{0});
  for (std::uint64_t id = 1; id <= 25; ++id) {
    map.add_reported(NodeIndex{0}, {BlockId{id}, 1, 100, true}, nullptr);
  }
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  collector.collect(map, sessions, kCalm, kStart);
  std::size_t sum = 0;
  for (int i = 0; i < 3; ++i) {
    const auto deletes = collector.collect(map, sessions, kCalm, kStart + seconds(100 + i));
    CHECK(deletes.size() <= 10);
    sum += deletes.size();
  }
  CHECK(sum == 25);
}

TEST_CASE("The deletions of a freed block are repeated only when they are not confirmed") {
  BlockMap map = map_with_orphan(7);
  map.commit_block({{BlockId{7}, 1, 100}, 1}, {});
  CHECK(map.free_block(BlockId{7}).size() == 1);
  WriteSessions sessions(SessionId{1});
  OrphanCollector collector({seconds(100), seconds(30), 10});
  CHECK(collector.collect(map, sessions, kCalm, kStart).empty());
  CHECK(collector.collect(map, sessions, kCalm, kStart + seconds(30)).size() == 1);
}

TEST_CASE("Safe mode ends when enough blocks have a replica, at once without any block") {
  SafeMode empty;
  CHECK(empty.on());
  CHECK(empty.update(0, 0));
  CHECK_FALSE(empty.on());

  SafeMode one;
  CHECK_FALSE(one.update(1, 0));
  CHECK(one.update(1, 1));

  SafeMode many;
  CHECK_FALSE(many.update(10'000, 9'989));
  CHECK(many.blocks_awaited() == 1);
  CHECK(many.reason().find("9989 of 10000") != std::string::npos);
  CHECK(many.update(10'000, 9'990));
  CHECK(many.reason().empty());
  CHECK_FALSE(many.update(10'000, 0));  // Blocks lost later do not bring it back.
  CHECK_FALSE(many.on());
}

TEST_CASE("Safe mode entered by hand lasts until it is left by hand") {
  SafeMode mode;
  mode.update(0, 0);
  mode.enter();
  CHECK(mode.manual());
  CHECK_FALSE(mode.update(10, 10));
  CHECK(mode.on());
  CHECK(mode.reason().find("by hand") != std::string::npos);
  mode.leave();
  CHECK_FALSE(mode.on());
}

}  // namespace minidfs::metadata
