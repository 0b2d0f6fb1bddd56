#include <chrono>
#include <filesystem>

#include "peers/quorum_fixture.hpp"
#include "support/file_recorder.hpp"

namespace minidfs::consensus::test {
namespace {

using minidfs::test::SlowSyncs;

constexpr std::uint64_t kNeverFree = std::uint64_t{1} << 62U;

}  // namespace

TEST_CASE("a leader whose disk is full hands over to one that has room") {
  bool first = true;
  Quorum quorum(2, [&](LogOptions& options) {
    if (std::exchange(first, false)) options.free_space_min_bytes = kNeverFree;
  });
  eventually("the other one leads", [&] { return quorum.member(1).leads(); });
  quorum.fill("c", 20);
  quorum.await_commands(20);
  CHECK(quorum.await_leader().id() == quorum.member(1).id());
}

TEST_CASE("a leader whose disk is full hands over each time") {
  bool first = true;
  Quorum quorum(3, [&](LogOptions& options) {
    if (std::exchange(first, false)) options.free_space_min_bytes = kNeverFree;
  });
  auto& full = quorum.member(0);
  std::size_t count = 0;
  for (int time = 0; time < 3; ++time) {
    eventually("another one leads",
               [&] { return quorum.member(1).leads() || quorum.member(2).leads(); });
    auto& leader = quorum.member(1).leads() ? quorum.member(1) : quorum.member(2);
    (void)leader.transfer(full.id());
    quorum.fill("c" + std::to_string(time), 20);
    count += 20;
  }
  quorum.await_commands(count);
}

TEST_CASE("a leader stays when all disks are full, and refuses changes") {
  Quorum quorum(3, [&](LogOptions& options) { options.free_space_min_bytes = kNeverFree; });
  auto& leader = quorum.member(0);
  const auto term = quorum.await_leader().leading().term;
  for (int i = 0; i < 20; ++i) {
    const auto reply = leader.propose("c" + std::to_string(i));
    REQUIRE_FALSE(reply.ok());
    CHECK(reply.error().code == Errc::kNoSpace);
  }
  // What is reserved for going on at all is taken.
  CHECK(leader.read().index.ok());
  CHECK(quorum.await_leader().id() == leader.id());
  CHECK(leader.leading().term == term);
}

TEST_CASE(
    "a leader whose disk is slow hands over, and what waited for it is "
    "held, not failed") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& leader = quorum.await_leader();
  std::size_t count = 10;
  {
    // Less than others wait for a sign of life.
    const SlowSyncs slow(leader.directory(), std::chrono::milliseconds(150));
    while (leader.leads()) {
      quorum.fill("d" + std::to_string(count), 1);
      ++count;
      REQUIRE(count < 200);
    }
    quorum.fill("e", 20);
  }
  quorum.await_commands(count + 20);
}

TEST_CASE("a leader whose disk hangs hands over while it does") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& leader = quorum.await_leader();
  auto& other = quorum.follower(0);
  auto& third = quorum.follower(1);
  {
    const SlowSyncs hanging(leader.directory(), std::chrono::hours(1));
    leader.log().propose(leader.log().add_channel([](const auto&) {}), 1, "d");
    eventually("another one leads", [&] { return other.leads() || third.leads(); });
  }
  quorum.fill("e", 10);
  eventually("all hold all of it", [&] {
    return leader.state().commands().size() == 21 &&
           leader.state().commands() == other.state().commands() &&
           leader.state().commands() == third.state().commands();
  });
}

TEST_CASE("a leader leads on while every disk takes longer than others wait for a sign of life") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& leader = quorum.await_leader();
  const auto term = leader.leading().term;
  {
    const SlowSyncs slow(std::filesystem::path(leader.directory()).parent_path().string(),
                         2 * leader.options.election_max);
    for (int i = 0; i < 3; ++i) REQUIRE(leader.propose("d" + std::to_string(i)).ok());
    CHECK(leader.read().index.ok());
  }
  quorum.await_commands(13);
  CHECK(leader.leads());
  CHECK(leader.leading().term == term);
}

}  // namespace minidfs::consensus::test
