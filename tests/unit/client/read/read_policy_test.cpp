#include "client/read/read_policy.hpp"

#include <catch2/catch.hpp>
#include <set>

namespace minidfs::client {
namespace {

using Kind = ReadCommand::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

metadata::ReplicaLocation place(std::uint64_t node) {
  metadata::ReplicaLocation location;
  location.node = NodeId{0, node};
  location.data = {"host", static_cast<std::uint16_t>(9000 + node)};
  return location;
}

// A policy for a part with replicas on nodes 1, 2, …, the last command it gave, and the time.
struct Story {
  explicit Story(std::uint64_t replicas = 3)
      : policy(BlockId{7}, places(1, replicas), milliseconds(100), seconds(10)) {
    obey(policy.start(suspicion));
  }

  static std::vector<metadata::ReplicaLocation> places(std::uint64_t first, std::uint64_t last) {
    std::vector<metadata::ReplicaLocation> locations;
    for (auto node = first; node <= last; ++node) locations.push_back(place(node));
    return locations;
  }

  Kind obey(ReadCommand next) {
    command = std::move(next);
    if (command.blamed) suspects.insert(*command.blamed);
    return command.kind;
  }
  Kind happens(const ReadEvent& event) {
    return obey(policy.step(command.epoch, event, suspicion, now));
  }
  Kind fails(Errc code, std::uint64_t bytes = 0, bool opening = false, bool stood_still = false) {
    ReplicaFailed failed;
    failed.why = {code, "why"};
    failed.bytes = bytes;
    failed.opening = opening;
    failed.stood_still = stood_still;
    return happens(failed);
  }
  Kind found(std::uint64_t first, std::uint64_t last) {
    return happens(PlacesTold{places(first, last)});
  }
  std::uint64_t node() const { return command.location ? command.location->node.low : 0; }

  std::set<NodeId> suspects;
  Suspicion suspicion = [this](NodeId node) { return suspects.contains(node); };
  ReadPolicy policy;
  ReadCommand command;
  ReadPolicy::TimePoint now{seconds(1000)};
};

TEST_CASE("A part is asked of the nearest replica and done when all came") {
  Story story;
  CHECK(story.command.kind == Kind::kAsk);
  CHECK(story.node() == 1);
  CHECK_FALSE(story.command.fresh);
  CHECK(story.command.patience == milliseconds(100));
  CHECK(story.happens(PartEnded{}) == Kind::kDone);
  CHECK_FALSE(story.command.blamed);
}

TEST_CASE("An answer to an earlier command of a reader changes nothing") {
  Story story;
  const auto before = story.command.epoch;
  REQUIRE(story.fails(Errc::kCorrupt) == Kind::kAsk);
  const auto stale = story.policy.step(before, PartEnded{}, story.suspicion, story.now);
  CHECK(stale.kind == Kind::kNothing);
  CHECK(story.node() == 2);
  CHECK(story.happens(PartEnded{}) == Kind::kDone);
  CHECK(story.happens(PartEnded{}) == Kind::kNothing);
}

TEST_CASE("Bad replicas are passed over and nobody is blamed; nodes out of reach are") {
  Story story;
  const auto code = GENERATE(Errc::kCorrupt, Errc::kNotFound, Errc::kStale, Errc::kUnavailable,
                             Errc::kTimedOut, Errc::kIoError);
  const bool bad = code == Errc::kCorrupt || code == Errc::kNotFound || code == Errc::kStale;
  CHECK(story.fails(code) == Kind::kAsk);
  CHECK(story.node() == 2);
  CHECK(story.command.blamed.has_value() == !bad);
}

TEST_CASE("What a datanode closed because it stood still is connected again, without blame") {
  Story story;
  std::uint64_t bytes = 0;
  SECTION("an idle connection") {
    CHECK(story.fails(Errc::kUnavailable, 0, true, true) == Kind::kAsk);
  }
  SECTION("a request far ahead") {
    CHECK(story.fails(Errc::kUnavailable, 0, false, true) == Kind::kAsk);
  }
  SECTION("after some bytes") {
    bytes = 5;
    CHECK(story.fails(Errc::kUnavailable, bytes) == Kind::kAsk);
  }
  CHECK(story.node() == 1);
  CHECK(story.command.fresh);
  CHECK_FALSE(story.command.blamed);
  // A new connection that fails at once is another matter.
  CHECK(story.fails(Errc::kUnavailable, bytes) == Kind::kAsk);
  CHECK(story.node() == 2);
  CHECK(story.command.blamed == place(1).node);
}

TEST_CASE("Suspects are asked last, and are not hurried") {
  Story story;
  story.suspects = {place(2).node};
  CHECK(story.fails(Errc::kCorrupt) == Kind::kAsk);
  CHECK(story.node() == 3);
  CHECK(story.command.patience == milliseconds(0));  // There is none to turn to but a suspect.
  CHECK(story.fails(Errc::kCorrupt) == Kind::kAsk);
  CHECK(story.node() == 2);
  CHECK(story.command.patience == milliseconds(0));
}

TEST_CASE("A node that was hurried in vain gets its time when no other is left") {
  Story story(2);
  CHECK(story.fails(Errc::kTimedOut, 0, true) == Kind::kAsk);
  CHECK(story.node() == 2);
  CHECK(story.fails(Errc::kCorrupt) == Kind::kAsk);
  CHECK(story.node() == 1);
  CHECK(story.command.patience == milliseconds(0));
  CHECK(story.fails(Errc::kTimedOut, 0, true) == Kind::kLocate);
}

TEST_CASE("A replica that stalls is raced once, and the quicker one goes on") {
  Story story;
  CHECK(story.command.may_race);
  REQUIRE(story.happens(ReplicaStalled{}) == Kind::kRace);
  CHECK(story.node() == 2);
  SECTION("the other") {
    CHECK(story.happens(RaceEnded{true}) == Kind::kSwitch);
    CHECK(story.node() == 2);
    CHECK(story.command.blamed == place(1).node);
    CHECK(story.fails(Errc::kCorrupt) == Kind::kAsk);
    CHECK(story.node() == 3);
  }
  SECTION("the first") {
    CHECK(story.happens(RaceEnded{false}) == Kind::kGoOn);
    CHECK_FALSE(story.command.blamed);
    CHECK(story.fails(Errc::kTimedOut) == Kind::kAsk);
    CHECK(story.node() == 2);
  }
  SECTION("no rival can be asked") {
    CHECK(story.happens(RivalFailed{{Errc::kUnavailable, "away"}}) == Kind::kRace);
    CHECK(story.command.blamed == place(2).node);
    CHECK(story.node() == 3);
    CHECK(story.happens(RivalFailed{{Errc::kUnavailable, "away"}}) == Kind::kGoOn);
    CHECK(story.command.blamed == place(3).node);
  }
  if (story.command.kind == Kind::kAsk) CHECK_FALSE(story.command.may_race);
}

TEST_CASE("A part whose only replica stalls is waited for") {
  Story story(1);
  CHECK(story.happens(ReplicaStalled{}) == Kind::kGoOn);
  CHECK(story.happens(PartEnded{}) == Kind::kDone);
}

TEST_CASE("A request ahead to a node that failed elsewhere is sent to another") {
  Story story;
  story.suspects = {place(1).node};
  CHECK(story.happens(Withdrawn{}) == Kind::kAsk);
  CHECK(story.node() == 2);
}

TEST_CASE("The namenode is asked for newer replicas, at once the first time") {
  Story story(1);
  REQUIRE(story.fails(Errc::kCorrupt) == Kind::kLocate);
  CHECK(story.command.delay == milliseconds(0));
  SECTION("there is one") {
    CHECK(story.found(1, 2) == Kind::kAsk);
    CHECK(story.node() == 2);
  }
  SECTION("there is none, and never will be") {
    REQUIRE(story.found(1, 1) == Kind::kAskMode);
    CHECK(story.happens(ModeTold{false}) == Kind::kGiveUp);
    CHECK(story.command.error.code == Errc::kIoError);
    CHECK(story.command.error.message == "block 7 cannot be read from any replica: host:9001: why");
  }
  SECTION("there is none yet") {
    REQUIRE(story.found(1, 1) == Kind::kAskMode);
    CHECK(story.happens(ModeTold{true}) == Kind::kLocate);
    CHECK(story.command.delay > milliseconds(0));
  }
}

TEST_CASE("Nodes out of reach are tried again until patience ends, which progress renews") {
  Story story(1);
  int asked = 0;
  const auto fail_for = [&](seconds duration) {
    const auto end = story.now + duration;
    while (story.now < end && story.command.kind != Kind::kGiveUp) {
      if (story.command.kind == Kind::kAsk) {
        ++asked;
        story.fails(Errc::kUnavailable);
      } else {
        REQUIRE(story.command.kind == Kind::kLocate);
        story.now += story.command.delay + milliseconds(1);
        story.found(1, 1);
      }
    }
  };
  fail_for(seconds(8));
  CHECK(story.command.kind != Kind::kGiveUp);
  CHECK(asked > 5);
  if (story.command.kind == Kind::kLocate) story.found(1, 1);
  REQUIRE(story.fails(Errc::kUnavailable, 1) == Kind::kAsk);  // One byte came.
  fail_for(seconds(8));
  CHECK(story.command.kind != Kind::kGiveUp);
  fail_for(seconds(8));
  CHECK(story.command.kind == Kind::kGiveUp);
}

TEST_CASE("A part that waits long before its first failure keeps its patience") {
  Story story(1);
  story.now += seconds(3600);
  CHECK(story.fails(Errc::kUnavailable) == Kind::kLocate);
  CHECK(story.found(1, 1) == Kind::kAsk);
}

TEST_CASE("What the reader cannot go on after ends it with that error") {
  Story story;
  CHECK(story.happens(ReadCancelled{{Errc::kNoSpace, "disk full"}}) == Kind::kGiveUp);
  CHECK(story.command.error.message == "disk full");
}

}  // namespace
}  // namespace minidfs::client
