#include "metadata/write_sessions.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace minidfs::metadata {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{};
constexpr ClientId kClient{0, 1};
constexpr ClientId kOther{0, 2};

BlockRange range(std::uint64_t first, std::uint64_t count) { return {BlockId{first}, count}; }

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
  REQUIRE(sessions.renew(id, kClient, std::vector{range(10, 5)}, kStart).ok());
  CHECK(sessions.is_protected(BlockId{10}, kStart));
  CHECK(sessions.is_protected(BlockId{14}, kStart));
  CHECK_FALSE(sessions.is_protected(BlockId{15}, kStart));
  CHECK_FALSE(sessions.is_protected(BlockId{9}, kStart));
  REQUIRE(sessions.renew(id, kClient, {}, kStart + seconds(30)).ok());
  CHECK(sessions.expire(kStart + seconds(89)).empty());
  CHECK(sessions.is_protected(BlockId{10}, kStart + seconds(89)));
  CHECK_FALSE(sessions.is_protected(BlockId{10}, kStart + seconds(90)));
  const auto ended = sessions.expire(kStart + seconds(90));
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].session == id);
  CHECK(ended[0].ranges == std::vector{range(10, 5)});
  CHECK(sessions.renew(id, kClient, {}, kStart).error().code == Errc::kExpired);
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
  REQUIRE(sessions.renew(id, kClient, std::vector{range(10, 5)}, kStart).ok());
  REQUIRE(sessions.renew(id, kClient, std::vector{range(15, 5)}, kStart).ok());
  REQUIRE(sessions.renew(id, kClient, std::vector{range(5, 7)}, kStart).ok());
  REQUIRE(sessions.renew(id, kClient, std::vector{range(6, 3)}, kStart).ok());
  for (std::uint64_t block = 5; block < 20; ++block) {
    CHECK(sessions.is_protected(BlockId{block}, kStart));
  }
  CHECK_FALSE(sessions.is_protected(BlockId{20}, kStart));
  CHECK(sessions.renew(id, kClient, std::vector{range(30, 1)}, kStart).error().code ==
        Errc::kTooLarge);
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
  CHECK(code(SessionId{9}, kOther, range(1, 1)) == Errc::kBusy);
  CHECK(sessions.open(kOther, kStart).error().code == Errc::kBusy);
}

TEST_CASE("What an ended session still held is dead: nobody gets it again") {
  WriteSessions sessions(SessionId{1}, {seconds(60), 10, 10, 1000});
  const SessionId id = sessions.open(kClient, kStart).value();
  REQUIRE(sessions.renew(id, kClient, std::vector{range(10, 5)}, kStart).ok());
  sessions.release(BlockId{12});  // Committed.
  CHECK_FALSE(sessions.last_renewal(BlockId{12}));
  sessions.expire(kStart + seconds(60));
  CHECK(sessions.is_dead(BlockId{10}));
  CHECK_FALSE(sessions.is_dead(BlockId{12}));
  CHECK(sessions.is_dead(BlockId{14}));
  const TimePoint later = kStart + seconds(61);
  CHECK(sessions.renew(id, kClient, {}, later).error().code == Errc::kExpired);
  CHECK(sessions.renew(id, kClient, {}, later).error().code == Errc::kExpired);
  CHECK(sessions.renew(SessionId{9}, kClient, std::vector{range(14, 3)}, later).error().code ==
        Errc::kExpired);
  CHECK(sessions.size() == 0);
  CHECK(sessions.renew(SessionId{9}, kClient, std::vector{range(15, 3)}, later).ok());
}

TEST_CASE("What was given up without a session is dead to whoever renews it later") {
  WriteSessions sessions(SessionId{1}, {seconds(60), 10, 10, 1000});
  sessions.give_up(BlockId{12});
  CHECK(sessions.is_dead(BlockId{12}));
  CHECK(sessions.renew(SessionId{9}, kClient, std::vector{range(10, 5)}, kStart).error().code ==
        Errc::kExpired);
  CHECK(sessions.renew(SessionId{9}, kClient, std::vector{range(10, 2)}, kStart).ok());
  sessions.release(BlockId{12});  // A commit came before after all.
  CHECK_FALSE(sessions.is_dead(BlockId{12}));
}

TEST_CASE("Only its owner ends a session, and with it only what it holds") {
  WriteSessions sessions(SessionId{1}, {seconds(60), 10, 10, 1000});
  const SessionId mine = sessions.open(kClient, kStart).value();
  const SessionId theirs = sessions.open(kOther, kStart).value();
  REQUIRE(sessions.renew(mine, kClient, std::vector{range(10, 5)}, kStart).ok());
  REQUIRE(sessions.renew(theirs, kOther, std::vector{range(15, 5)}, kStart).ok());
  CHECK(sessions.end(theirs, kClient).error().code == Errc::kPermissionDenied);
  CHECK(sessions.renew(mine, kClient, std::vector{range(14, 2)}, kStart).error().code ==
        Errc::kPermissionDenied);
  CHECK(sessions.end(mine, kClient).value() == std::vector{range(10, 5)});
  CHECK(sessions.end(mine, kClient).value().empty());
  CHECK(sessions.holder(BlockId{15}) == theirs);
  CHECK_FALSE(sessions.is_dead(BlockId{15}));
}

TEST_CASE("Sessions, ranges and ids are bounded together, and a refusal changes nothing") {
  WriteSessions::Options options{seconds(60), 10, 10, 1000};
  options.ranges_total_max = 4;
  options.ids_max = 20;
  WriteSessions sessions(SessionId{1}, options);
  REQUIRE(
      sessions.renew(SessionId{5}, kClient, std::vector{range(10, 1), range(20, 1)}, kStart).ok());
  const auto code = [&](SessionId session, ClientId client, std::vector<BlockRange> ranges) {
    const auto status = sessions.renew(session, client, ranges, kStart);
    return status.ok() ? Errc::kInternal : status.error().code;
  };
  CHECK(code(SessionId{6}, kOther, {range(30, 1), range(40, 1), range(50, 1)}) == Errc::kTooLarge);
  CHECK_FALSE(sessions.is_open(SessionId{6}));
  CHECK(sessions.range_count() == 2);
  CHECK(code(SessionId{5}, kClient, {range(11, 9), range(30, 10)}) == Errc::kTooLarge);
  CHECK_FALSE(sessions.holder(BlockId{11}));
  CHECK(sessions.renew(SessionId{5}, kClient, std::vector{range(11, 9)}, kStart).ok());
  CHECK(sessions.range_count() == 1);
}

TEST_CASE("One client cannot have all sessions, and one that ends makes room for another") {
  WriteSessions::Options options{seconds(60), 10, 10, 1000};
  options.client_sessions_max = 3;
  WriteSessions sessions(SessionId{1}, options);
  std::vector<SessionId> opened;
  for (int i = 0; i < 3; ++i) opened.push_back(sessions.open(kClient, kStart).value());
  CHECK(sessions.open(kClient, kStart).error().code == Errc::kTooLarge);
  CHECK(sessions.renew(SessionId{50}, kClient, {}, kStart).error().code == Errc::kTooLarge);
  CHECK(sessions.renew(opened[0], kClient, {}, kStart).ok());
  CHECK(sessions.open(kOther, kStart).ok());
  REQUIRE(sessions.end(opened[0], kClient).ok());
  REQUIRE(sessions.renew(SessionId{50}, kClient, {}, kStart).ok());
  CHECK(sessions.open(kClient, kStart).error().code == Errc::kTooLarge);
  sessions.expire(kStart + seconds(60));
  CHECK(sessions.size() == 0);
  for (int i = 0; i < 3; ++i) CHECK(sessions.open(kClient, kStart + seconds(60)).ok());
}

TEST_CASE("Sessions agree with a naive model whatever is done to them") {
  struct Naive {
    ClientId client;
    TimePoint renewed;
    std::set<std::uint64_t> ids;
  };
  std::mt19937_64 random(4711);
  for (int round = 0; round < 20; ++round) {
    WriteSessions sessions(SessionId{1000}, {seconds(60), 100, 100, 100});
    std::map<SessionId, Naive> naive;
    std::set<std::uint64_t> dead;
    std::set<SessionId> ended;
    TimePoint now = kStart;
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    const auto bury = [&](SessionId id) {
      dead.insert(naive[id].ids.begin(), naive[id].ids.end());
      naive.erase(id);
      ended.insert(id);
    };
    for (int step = 0; step < 300; ++step) {
      now += seconds(below(8));
      const SessionId id{1 + below(6)};
      const ClientId client{0, id.value};
      const BlockRange claimed = range(1 + below(60), 1 + below(6));
      switch (below(6)) {
        case 0:
        case 1:
        case 2: {
          bool free = !ended.contains(id);
          for (std::uint64_t i = claimed.first.value; i < end_of(claimed); ++i) {
            free = free && !dead.contains(i);
            for (const auto& [other, session] : naive) {
              free = free && (other == id || !session.ids.contains(i));
            }
          }
          REQUIRE(sessions.renew(id, client, std::vector{claimed}, now).ok() == free);
          if (!free) break;
          auto& mine = naive.try_emplace(id, Naive{client, now, {}}).first->second;
          mine.renewed = now;
          for (std::uint64_t i = claimed.first.value; i < end_of(claimed); ++i) mine.ids.insert(i);
          break;
        }
        case 3:
          sessions.release(claimed.first);
          dead.erase(claimed.first.value);
          for (auto& [other, session] : naive) session.ids.erase(claimed.first.value);
          break;
        case 4: {
          const auto held = sessions.end(id, client).value();
          std::set<std::uint64_t> ids;
          for (const auto& part : held) {
            for (std::uint64_t i = part.first.value; i < end_of(part); ++i) ids.insert(i);
          }
          REQUIRE(ids == (naive.contains(id) ? naive[id].ids : std::set<std::uint64_t>{}));
          if (naive.contains(id)) bury(id);
          break;
        }
        default: {
          std::set<SessionId> gone;
          for (const auto& one : sessions.expire(now)) gone.insert(one.session);
          std::set<SessionId> expected;
          for (const auto& [other, session] : naive) {
            if (now - session.renewed >= seconds(60)) expected.insert(other);
          }
          REQUIRE(gone == expected);
          for (const SessionId one : expected) bury(one);
        }
      }
      for (std::uint64_t block = 0; block < 70; ++block) {
        std::optional<SessionId> holder;
        for (const auto& [other, session] : naive) {
          if (session.ids.contains(block)) holder = other;
        }
        const auto renewed = sessions.last_renewal(BlockId{block});
        const bool alike = sessions.holder(BlockId{block}) == holder &&
                           sessions.is_dead(BlockId{block}) == dead.contains(block) &&
                           renewed.has_value() == holder.has_value() &&
                           (!holder || *renewed == naive[*holder].renewed);
        if (!alike) FAIL("round " << round << ", step " << step << ", block " << block);
      }
      REQUIRE(sessions.size() == naive.size());
    }
  }
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
