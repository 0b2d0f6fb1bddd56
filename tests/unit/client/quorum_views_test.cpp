#include "client/quorum_views.hpp"

#include <catch2/catch.hpp>

namespace minidfs::client {
namespace {

using actors::QuorumReply;

// Of one of three members, 1 to 3, of which it knows what it has applied itself.
QuorumReply view(std::uint64_t self, std::uint64_t leader, std::uint64_t term,
                 std::uint64_t applied) {
  QuorumReply reply;
  reply.self = self;
  reply.leader = leader;
  reply.term = term;
  reply.led_for_ms = 5000;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    actors::MemberReport member;
    member.id = id;
    member.address = "h" + std::to_string(id) + ":8020";
    member.state = id == self ? "follower" : "unknown";
    if (id == self) member.applied = applied;
    reply.members.push_back(member);
  }
  return reply;
}

}  // namespace

TEST_CASE("Who says nothing is unreachable, and lags count from the one that is furthest") {
  const auto quorum = put_together({view(2, 0, 7, 40), view(3, 0, 7, 100)});
  CHECK(quorum.leader == 0);
  CHECK(quorum.term == 7);
  CHECK(quorum.led_for_ms == 0);
  REQUIRE(quorum.members.size() == 3);
  CHECK(quorum.members[0].state == "unreachable");
  CHECK(quorum.members[0].address == "h1:8020");
  CHECK(quorum.members[1].state == "follower");
  CHECK(quorum.members[1].applied == 40);
  CHECK(quorum.members[1].lag == 60);
  CHECK(quorum.members[2].lag == 0);
  CHECK(quorum.answering() == 2);
  CHECK(quorum.majority() == 2);
  CHECK(quorum.spare() == 0);
}

TEST_CASE("The newest term counts, and in one term who knows the leader") {
  // One that led in an earlier term has not heard of the next one.
  auto deposed = view(1, 1, 6, 30);
  CHECK(put_together({deposed, view(2, 0, 7, 40)}).leader == 0);
  const auto led = put_together({view(2, 0, 7, 40), view(3, 1, 7, 40)});
  CHECK(led.leader == 1);
  CHECK(led.led_for_ms == 5000);
  CHECK(led.members[0].state == "leader");  // Others reach it.
}

TEST_CASE("Of one that leads nothing is put right") {
  auto leader = view(1, 1, 7, 50);
  leader.members[0].state = "leader";
  leader.members[1].state = "seeding";
  leader.members[2].state = "unreachable";
  leader.members[2].lag = 9;
  const auto quorum = put_together({view(3, 1, 7, 30), leader});
  CHECK(quorum.members[0].state == "leader");
  CHECK(quorum.members[1].state == "seeding");
  CHECK(quorum.members[2].state == "unreachable");
  CHECK(quorum.members[2].lag == 9);
}

}  // namespace minidfs::client
