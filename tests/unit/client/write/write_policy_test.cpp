#include "client/write/write_policy.hpp"

#include <catch2/catch.hpp>

namespace minidfs::client {
namespace {

using Kind = WriteCommand::Kind;
using std::chrono::seconds;

// A policy, the last command it gave and the time.
struct Story {
  explicit Story(std::size_t copies_min = 1) : policy(copies_min, seconds(10)) {
    command = policy.start();
  }

  Kind happens(const WriteEvent& event) {
    command = policy.step(command.epoch, event, now);
    return command.kind;
  }
  Kind granted(std::size_t nodes, bool avoids_nodes = false) {
    PipelineAnswer answer;
    answer.nodes = nodes;
    answer.avoids_nodes = avoids_nodes;
    return happens(answer);
  }
  Kind refused(Errc code, bool avoids_nodes = false) {
    PipelineAnswer answer;
    answer.refused = {code, "refused"};
    answer.avoids_nodes = avoids_nodes;
    return happens(answer);
  }
  Kind ended(std::size_t copies, std::uint64_t bytes = 100) {
    TryEnded end;
    end.copies = copies;
    end.bytes = bytes;
    end.why = {Errc::kUnavailable, "lost"};
    return happens(end);
  }
  Kind stored() {
    TryEnded end;
    end.whole = true;
    return happens(end);
  }

  WritePolicy policy;
  WriteCommand command;
  WritePolicy::TimePoint now{};
};

TEST_CASE("A write asks, sends and is done when all copies are stored") {
  Story story;
  CHECK(story.command.kind == Kind::kAsk);
  CHECK(story.granted(3) == Kind::kSend);
  CHECK_FALSE(story.command.fresh);  // Idle connections will do.
  CHECK(story.stored() == Kind::kDone);
}

TEST_CASE("An answer to an earlier command changes nothing") {
  Story story;
  const auto first = story.command.epoch;
  REQUIRE(story.granted(3) == Kind::kSend);
  PipelineAnswer late;
  late.nodes = 3;
  CHECK(story.policy.step(first, late, story.now).kind == Kind::kNothing);
  CHECK(story.stored() == Kind::kDone);
  // Nor does anything after the end.
  CHECK(story.happens(WriteCancelled{{Errc::kCancelled, "late"}}) == Kind::kNothing);
}

TEST_CASE("A try that stored nothing is repeated over a new connection") {
  Story story;
  story.granted(3);
  CHECK(story.ended(0) == Kind::kAsk);
  CHECK(story.command.delay.count() == 0);
  CHECK(story.granted(3) == Kind::kSend);
  CHECK(story.command.fresh);
  CHECK(story.stored() == Kind::kDone);
}

TEST_CASE("Failures are borne until patience ends, but a few at least") {
  Story story;
  story.granted(3);
  for (int failure = 1; failure <= kFailuresMin; ++failure) {
    REQUIRE(story.ended(0) == Kind::kAsk);
    REQUIRE(story.granted(3) == Kind::kSend);
    story.now += seconds(20);
  }
  CHECK(story.ended(0) == Kind::kGiveUp);
  CHECK_THAT(story.command.error.message, Catch::Contains("any datanode: lost"));
  // Not what a namenode that is away is told by.
  CHECK(story.command.error.code == Errc::kNoDatanode);

  Story quick;
  quick.granted(3);
  for (int failure = 0; failure < 100; ++failure) {
    REQUIRE(quick.ended(0) == Kind::kAsk);
    REQUIRE(quick.granted(3) == Kind::kSend);
  }
}

TEST_CASE(
    "When all nodes have failed they get another chance after a while, until it is too late") {
  Story story;
  story.granted(1);
  REQUIRE(story.ended(0) == Kind::kAsk);
  REQUIRE(story.refused(Errc::kNoDatanode, true) == Kind::kAsk);
  CHECK(story.command.forgive);
  CHECK(story.command.delay.count() > 0);
  story.now += seconds(11);
  CHECK(story.refused(Errc::kNoDatanode, true) == Kind::kGiveUp);
}

TEST_CASE("Nobody waits where nobody was left out, nor for space, nor for what is final") {
  Story none;
  none.granted(1);
  none.ended(0);
  CHECK(none.refused(Errc::kNoDatanode, false) == Kind::kGiveUp);

  Story full;
  full.granted(1);
  TryEnded end;
  end.why = {Errc::kNoSpace, "full"};
  REQUIRE(full.happens(end) == Kind::kAsk);
  CHECK(full.refused(Errc::kNoDatanode, true) == Kind::kGiveUp);
  CHECK(full.command.error.code == Errc::kNoSpace);

  Story refused;
  CHECK(refused.refused(Errc::kAlreadyExists, true) == Kind::kGiveUp);
  CHECK(refused.command.error.message == "refused");
}

TEST_CASE("Missing copies are tried for elsewhere, three times, and then the fewer will do") {
  Story story;
  story.granted(3);
  for (int i = 0; i < kRewritesMax; ++i) {
    REQUIRE(story.ended(2) == Kind::kAsk);
    REQUIRE(story.granted(3) == Kind::kSend);
  }
  CHECK(story.ended(2) == Kind::kDone);
}

TEST_CASE("No pipeline with more nodes, or a large block: the fewer copies will do at once") {
  Story story;
  story.granted(3);
  REQUIRE(story.ended(2) == Kind::kAsk);
  CHECK(story.granted(2) == Kind::kDone);

  Story large;
  large.granted(3);
  CHECK(large.ended(2, kRewriteBytesMax + 1) == Kind::kDone);
}

TEST_CASE("Fewer copies than the least are a failure, as often as it takes") {
  Story story(2);
  story.granted(3);
  REQUIRE(story.ended(1) == Kind::kAsk);
  REQUIRE(story.granted(1) == Kind::kAsk);  // After a failure now.
  REQUIRE(story.granted(2) == Kind::kSend);
  CHECK(story.ended(2) == Kind::kDone);

  Story hopeless(2);
  hopeless.granted(1);
  hopeless.ended(1);
  hopeless.granted(1);
  CHECK(hopeless.granted(1) == Kind::kGiveUp);
  CHECK_THAT(hopeless.command.error.message, Catch::Contains("client.min_replication"));
}

TEST_CASE("A young block that loses a node begins again where there are more, and else goes on") {
  Story story;
  story.granted(3);
  REQUIRE(story.happens(NodesLost{2, 1000, true}) == Kind::kAsk);
  REQUIRE(story.granted(2) == Kind::kGoOn);
  // Nobody is asked twice for the same.
  CHECK(story.happens(NodesLost{2, 2000, true}) == Kind::kGoOn);
  REQUIRE(story.happens(NodesLost{1, 3000, true}) == Kind::kAsk);
  CHECK(story.granted(2) == Kind::kSend);

  Story old;
  old.granted(3);
  CHECK(old.happens(NodesLost{2, kRewriteBytesMax + 1, true}) == Kind::kGoOn);
  Story gone;
  gone.granted(3);
  CHECK(gone.happens(NodesLost{2, 1000, false}) == Kind::kGoOn);
}

TEST_CASE("What cannot be sent again is not, and an expired session ends the write") {
  Story story;
  story.granted(3);
  TryEnded end;
  end.copies = 2;
  end.repeatable = false;
  CHECK(story.happens(end) == Kind::kDone);

  Story lost;
  lost.granted(3);
  end.copies = 0;
  CHECK(lost.happens(end) == Kind::kGiveUp);

  Story expired;
  expired.granted(3);
  REQUIRE(expired.happens(NodesLost{2, 1000, true}) == Kind::kAsk);
  CHECK(expired.refused(Errc::kExpired) == Kind::kGiveUp);
}

TEST_CASE("The first node that failed is to blame, unless its idle connection may only be old") {
  transfer::BlockAck ack;
  ack.stored = {true, false, false};
  ack.timed_out = {false, false, true};
  CHECK(target_to_blame(ack, false) == 1U);
  CHECK_FALSE(target_to_blame(ack, true).has_value());
  ack.timed_out[1] = true;
  CHECK(target_to_blame(ack, true) == 1U);
  ack.stored = {true, true, true};
  CHECK_FALSE(target_to_blame(ack, false).has_value());
  CHECK(first_target_to_blame({Errc::kUnavailable, ""}, false));
  CHECK_FALSE(first_target_to_blame({Errc::kUnavailable, ""}, true));
  CHECK(first_target_to_blame({Errc::kTimedOut, ""}, true));
}

}  // namespace
}  // namespace minidfs::client
