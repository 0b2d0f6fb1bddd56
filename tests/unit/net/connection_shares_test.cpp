#include "net/connection_shares.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace minidfs::net {
namespace {

using Id = ConnectionShares::Id;
using Kind = ConnectionShares::Kind;
using TimePoint = ConnectionShares::TimePoint;
using std::chrono::seconds;

TimePoint at(int second) { return TimePoint(seconds(second)); }

// Since when each connection is idle; those that are not here have work.
struct Idle {
  std::map<Id, TimePoint> since;
  ConnectionShares::IdleSince asked() {
    return [this](Id id) { return since.contains(id) ? since.at(id) : TimePoint::max(); };
  }
};

struct Port {
  explicit Port(const ConnectionShares::Limits& limits) : shares(limits) {}

  ConnectionShares::Entry enter(Id id, Kind kind = Kind::kClient, int second = 100) {
    shares.come(id);
    return shares.enter(id, kind, at(second), idle.asked());
  }

  ConnectionShares shares;
  Idle idle;
};

TEST_CASE("One stranger too many closes the oldest one") {
  ConnectionShares shares({.strangers = 3});
  for (Id id = 1; id <= 3; ++id) CHECK(shares.come(id) == std::nullopt);
  CHECK(shares.come(4) == Id{1});
  shares.leave(2);
  CHECK(shares.come(5) == std::nullopt);
  CHECK(shares.come(6) == Id{3});
  CHECK(shares.strangers() == 3);
}

TEST_CASE("Without descriptors the oldest stranger gives its own, until there is none") {
  ConnectionShares shares({.strangers = 3});
  shares.come(1);
  shares.come(2);
  CHECK(shares.give_way() == Id{1});
  CHECK(shares.give_way() == Id{2});
  CHECK(shares.give_way() == std::nullopt);
}

TEST_CASE("A member makes room for a stranger, and has left when it ends") {
  Port port({.strangers = 1, .members = 2});
  CHECK(port.enter(1).admitted);
  CHECK(port.shares.strangers() == 0);
  CHECK(port.enter(2).admitted);
  CHECK_FALSE(port.enter(3).admitted);
  CHECK(port.shares.strangers() == 1);
  port.shares.leave(1);
  CHECK(port.enter(3).admitted);
  CHECK(port.shares.members() == 2);
}

TEST_CASE("A member that is idle for long enough gives its place, one with work never does") {
  Port port({.members = 2, .spare_after = seconds(10)});
  port.enter(1);
  port.enter(2);
  port.idle.since[2] = at(91);
  CHECK_FALSE(port.enter(3).admitted);
  port.idle.since[2] = at(90);
  const auto entry = port.enter(4);
  CHECK(entry.admitted);
  CHECK(entry.leaves == Id{2});
  CHECK(port.shares.members() == 2);
}

TEST_CASE("Clients leave the reserve to peers, who may also have the place of an idle client") {
  Port port({.members = 4, .reserved = 2, .spare_after = seconds(10)});
  CHECK(port.enter(1).admitted);
  CHECK(port.enter(2).admitted);
  CHECK_FALSE(port.enter(3).admitted);
  CHECK(port.enter(4, Kind::kPeer).admitted);
  CHECK(port.enter(5, Kind::kPeer).admitted);
  CHECK_FALSE(port.enter(6, Kind::kPeer).admitted);
  port.idle.since = {{1, at(0)}, {4, at(0)}};
  CHECK(port.enter(7, Kind::kPeer).leaves == Id{1});
  CHECK(port.enter(8, Kind::kPeer).leaves == Id{4});
  // A client never pushes a peer out.
  port.idle.since = {{5, at(0)}};
  CHECK_FALSE(port.enter(9).admitted);
}

TEST_CASE("Bounds hold, and nobody with work is closed, whatever happens") {
  std::mt19937_64 random(7);
  const ConnectionShares::Limits limits{
      .strangers = 5, .members = 12, .reserved = 3, .spare_after = seconds(10)};
  Port port(limits);
  std::vector<Id> strangers;
  std::vector<Id> members;
  const auto closed = [&](std::optional<Id> id, std::vector<Id>& from) {
    if (!id) return;
    REQUIRE(std::erase(from, *id) == 1);
  };
  Id next = 1;
  for (int second = 0; second < 20'000; ++second) {
    const auto any = [&](const std::vector<Id>& of) { return of[random() % of.size()]; };
    switch (random() % 6) {
      case 0:
      case 1:
        closed(port.shares.come(next), strangers);
        strangers.push_back(next++);
        break;
      case 2: {
        if (strangers.empty()) break;
        const Id id = any(strangers);
        const auto kind = random() % 4 == 0 ? Kind::kPeer : Kind::kClient;
        const auto entry = port.shares.enter(id, kind, at(second), port.idle.asked());
        REQUIRE((entry.admitted || !entry.leaves));
        if (entry.leaves) REQUIRE(at(second) - port.idle.since.at(*entry.leaves) >= seconds(10));
        closed(entry.leaves, members);
        if (entry.admitted) std::erase(strangers, id);
        if (entry.admitted) members.push_back(id);
        break;
      }
      case 3:
        if (members.empty()) break;
        port.idle.since[any(members)] = at(second);
        break;
      case 4:
        if (members.empty()) break;
        port.idle.since.erase(any(members));
        break;
      default: {
        auto& from = random() % 2 == 0 ? strangers : members;
        if (from.empty()) break;
        const Id id = any(from);
        port.shares.leave(id);
        std::erase(from, id);
      }
    }
    REQUIRE(port.shares.strangers() == strangers.size());
    REQUIRE(port.shares.members() == members.size());
    REQUIRE(strangers.size() <= limits.strangers);
    REQUIRE(members.size() <= limits.members);
  }
}

}  // namespace
}  // namespace minidfs::net
