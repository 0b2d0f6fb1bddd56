#include "transfer/pipeline_forwarder.hpp"

#include <catch2/catch.hpp>

#include "transfer/peer_wait.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;
using TimePoint = PipelineForwarder::TimePoint;

const TimePoint kStart = TimePoint{} + std::chrono::hours(1);
TimePoint at(int ms) { return kStart + milliseconds(ms); }

PipelineForwarder forwarder(std::size_t targets = 1) {
  std::vector<metadata::Endpoint> all;
  for (std::size_t i = 0; i < targets; ++i) {
    all.push_back({"node", static_cast<std::uint16_t>(i + 1)});
  }
  return {{milliseconds(200), milliseconds(500), milliseconds(3000), milliseconds(1000),
           milliseconds(20)},
          all,
          kStart};
}
PipelineForwarder connected() {
  auto next = forwarder();
  next.connected(kStart);
  return next;
}

}  // namespace

TEST_CASE("A next node has its time-out to be connected to") {
  auto next = forwarder();
  CHECK(next.tick(at(200), true).ok());
  CHECK(next.tick(at(201), true).error().code == Errc::kTimedOut);
  next.connected(at(201));
  CHECK(next.tick(at(701), true).ok());
}

TEST_CASE("What a silent next node owes decides how long it may be silent") {
  struct Row {
    const char* title;
    bool frames_due;
    bool sending;
    int heard;
    int taken;
    int good_at;
    int bad_at;  // 0: never.
  };
  const auto row = GENERATE(
      Row{"it owes an answer", true, false, 100, 0, 620, 621},
      Row{"it owes an answer, and its kernel takes bytes", true, true, 100, 5000, 620, 621},
      Row{"it only has to take bytes, and does", false, true, 0, 400, 920, 921},
      Row{"it only has to take bytes, and says that it lives", false, true, 3000, 0, 3500, 3521},
      Row{"it lives and takes nothing", true, true, 3500, 0, 3520, 3521},
      Row{"it owes nothing", false, false, 0, 0, 60'000, 0});
  INFO(row.title);
  auto next = connected();
  if (row.sending) next.sending_begins(kStart);
  next.heard(at(row.heard));
  next.taken(at(row.taken));
  CHECK(next.tick(at(row.good_at), row.frames_due).ok());
  if (row.bad_at > 0) {
    CHECK(next.tick(at(row.bad_at), row.frames_due).error().code == Errc::kTimedOut);
  }
}

TEST_CASE("A next node that was told that no more blocks come still has to answer") {
  auto next = connected();
  next.no_more_blocks();
  CHECK(next.tick(at(520), false).ok());
  CHECK_FALSE(next.tick(at(521), false).ok());
  next.excuse(at(521));
  CHECK(next.tick(at(1041), false).ok());
}

TEST_CASE("A sign of life without progress of the disk is none") {
  auto next = connected();
  CHECK(next.alive(milliseconds(999), at(400)).ok());
  CHECK(next.tick(at(920), true).ok());
  CHECK(next.alive(milliseconds(1000), at(400)).error().message ==
        "node:1: its disk has made no progress for 1000 ms");
}

TEST_CASE("The first reason for which a next node is given up is told of it and of those behind") {
  auto next = forwarder(3);
  CHECK(next.usable());
  next.give_up({Errc::kTimedOut, "silent"});
  next.give_up({Errc::kIoError, "another"});
  CHECK_FALSE(next.usable());
  const auto statuses = next.statuses();
  REQUIRE(statuses.size() == 3);
  CHECK(statuses[0].code == static_cast<std::uint8_t>(Errc::kTimedOut));
  CHECK(statuses[0].message == "silent");
  CHECK(statuses[2].code == static_cast<std::uint8_t>(Errc::kUnavailable));
  CHECK(statuses[2].message == "behind node:1, which failed: silent");
}

TEST_CASE("A connection waits for its peer as long as it was told, from the last progress on") {
  PeerWait wait;
  CHECK_FALSE(wait.too_long(at(60'000)));
  wait.begin(PeerWait::For::kFrame, kStart, milliseconds(20));
  CHECK_FALSE(wait.too_long(at(20)));
  CHECK(wait.too_long(at(21)));
  wait.progressed(at(21));
  CHECK_FALSE(wait.too_long(at(41)));
  CHECK(wait.too_long(at(42)));
  wait.begin(PeerWait::For::kMemory, kStart, milliseconds(0));
  CHECK_FALSE(wait.too_long(at(60'000)));
}

}  // namespace minidfs::transfer
