// The small values that the core is made of.
#include <catch2/catch.hpp>
#include <map>

#include "consensus/raft/inflights.hpp"
#include "consensus/raft/read_queue.hpp"
#include "consensus/raft/vote_tally.hpp"

namespace minidfs::consensus {

TEST_CASE("What is on its way is bounded in bytes, and freed by what has arrived") {
  Inflights inflights;
  CHECK(inflights.fits(5000, 1000));  // Alone.
  inflights.add(3, 400);
  CHECK(inflights.fits(600, 1000));
  CHECK_FALSE(inflights.fits(601, 1000));
  inflights.add(8, 600);
  CHECK_FALSE(inflights.fits(1, 1000));
  inflights.free_up_to(2);
  CHECK(inflights.bytes() == 1000);
  inflights.free_up_to(5);
  CHECK(inflights.bytes() == 600);
  inflights.free_up_to(9);
  CHECK(inflights.empty());
  CHECK(inflights.bytes() == 0);
}

TEST_CASE("A vote is won by a majority of the voters, whoever else answers") {
  const MemberSet members({1, 2, 3}, {4});
  VoteTally votes;
  votes.add(1, true);
  votes.add(4, true);
  votes.add(9, true);
  CHECK_FALSE(votes.won(members));
  votes.add(2, false);
  CHECK_FALSE(votes.lost(members));
  votes.add(2, true);  // The first answer counts.
  CHECK_FALSE(votes.won(members));
  votes.add(3, true);
  CHECK(votes.won(members));
  votes.reset();
  votes.add(2, false);
  votes.add(3, false);
  CHECK(votes.lost(members));
  CHECK_FALSE(votes.won(members));
}

TEST_CASE("A majority has reached what the middle one has") {
  const std::map<MemberId, std::uint64_t> reached{{1, 10}, {2, 30}, {3, 20}, {4, 99}, {5, 1}};
  const auto of = [&](MemberId id) { return reached.at(id); };
  CHECK(reached_by_majority(MemberSet({1, 2, 3}, {4}), of) == 20);
  CHECK(reached_by_majority(MemberSet({1, 2, 3, 4}, {}), of) == 20);
  CHECK(reached_by_majority(MemberSet({1, 2, 3, 4, 5}, {}), of) == 20);
  CHECK(reached_by_majority(MemberSet({1, 2}, {}), of) == 10);
  CHECK(reached_by_majority(MemberSet({2}, {}), of) == 30);
  CHECK(reached_by_majority(MemberSet{}, of) == 0);
}

TEST_CASE("Reads wait for a round that was sent after they were asked") {
  ReadQueue reads;
  CHECK_FALSE(reads.wants_round());
  reads.add(1);
  reads.add(2);
  CHECK(reads.wants_round());
  reads.begin(7, 100);
  reads.add(3);  // While the round is under way.
  CHECK_FALSE(reads.wants_round());
  CHECK_FALSE(reads.confirm(6));
  const auto confirmed = reads.confirm(7);
  REQUIRE(confirmed);
  CHECK(confirmed->reads == std::vector<std::uint64_t>{1, 2});
  CHECK(confirmed->index == 100);
  CHECK_FALSE(reads.confirm(99));  // Nothing was asked.
  CHECK(reads.wants_round());
  reads.begin(8, 105);
  reads.add(4);
  CHECK(reads.take_all() == std::vector<std::uint64_t>{3, 4});
  CHECK(reads.empty());
}

}  // namespace minidfs::consensus
