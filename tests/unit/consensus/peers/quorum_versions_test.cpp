// What members know of each other's versions, and so of what may be logged.
#include "peers/quorum_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

constexpr InterfaceVersions kOld{1, 1};
constexpr InterfaceVersions kNew{2, 1};

void restart_as(Member& member, InterfaceVersions versions) {
  member.close();
  member.options.versions = versions;
  member.open();
}

InterfaceVersion version_of(Member& member, MemberId of) {
  for (const auto& each : member.log().quorum().members) {
    if (each.member.id == of) return each.version;
  }
  return 0;
}

void await_known(Member& member, InterfaceVersion version) {
  eventually("member " + std::to_string(member.id()) + " knows that all speak it",
             [&] { return member.log().known_by_all() == version; });
}

}  // namespace

TEST_CASE("one that is alone writes in its own version, at once") {
  Quorum quorum(1, [](LogOptions& options) { options.versions = kNew; });
  CHECK(quorum.member(0).log().known_by_all() == 2);
  CHECK(version_of(quorum.member(0), quorum.member(0).id()) == 2);
  restart_as(quorum.member(0), kOld);
  CHECK(quorum.member(0).log().known_by_all() == 1);
}

TEST_CASE("nothing newer may be logged before the last member has been upgraded") {
  Quorum quorum(3, [](LogOptions& options) { options.versions = kOld; });
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) await_known(quorum.member(j), 1);
    restart_as(quorum.member(i), kNew);
    quorum.fill("c", 10);
    auto& leader = quorum.await_leader();
    eventually("the leader knows its version",
               [&] { return version_of(leader, quorum.member(i).id()) == 2; });
    if (i < 2) CHECK(leader.log().known_by_all() == 1);
  }
  for (std::size_t i = 0; i < 3; ++i) await_known(quorum.member(i), 2);
}

TEST_CASE("whom a member has not met may be of the oldest version that it speaks") {
  Quorum quorum(3, [](LogOptions& options) { options.versions = kNew; });
  auto& away = quorum.follower(0);
  auto& leader = quorum.await_leader();
  auto& other = quorum.follower(1);
  for (auto* each : {&leader, &other, &away}) await_known(*each, 2);
  away.close();
  quorum.fill("c", 10);
  // One that was met stays known.
  CHECK(leader.log().known_by_all() == 2);
  other.close();
  other.open();
  eventually("it has met the leader", [&] { return version_of(other, leader.id()) == 2; });
  CHECK(version_of(other, away.id()) == 0);
  CHECK(other.log().known_by_all() == 1);
  away.open();
  await_known(other, 2);
}

TEST_CASE("a learner counts as soon as the log names it") {
  Quorum quorum(1, [](LogOptions& options) { options.versions = kNew; });
  auto& leader = quorum.member(0);
  REQUIRE(leader.log().known_by_all() == 2);
  auto& joiner = quorum.add();
  joiner.options.versions = kOld;
  const auto answer = leader.change(AddLearner{{joiner.id(), "host"}, 0});
  REQUIRE(answer.index.ok());
  await_known(leader, 1);
  joiner.open(*answer.index);
  eventually("it is a voter", [&] { return version_of(leader, joiner.id()) == 1; });
  CHECK(leader.log().known_by_all() == 1);
}

}  // namespace minidfs::consensus::test
