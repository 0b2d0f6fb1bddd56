#include <catch2/catch.hpp>

#include "raft/raft_fixture.hpp"

namespace minidfs::consensus {
namespace {

using std::chrono::milliseconds;

}  // namespace

TEST_CASE("A member that is alone leads at once, and commits what its disk has") {
  OneMember member(MemberSet({1}, {}), {4, 0}, {2, 4});
  CHECK(member.core().role() == Role::kCandidate);
  member.store();
  REQUIRE(member.core().role() == Role::kLeader);
  CHECK(member.core().term() == 5);
  CHECK(member.take<NewEntry>().at(0).position == Position{5, 3});
  CHECK(member.take<Commit>().empty());
  member.store();
  CHECK(member.take<Commit>().at(0).index == 3);
  member.take<StoreEntries>();
  member.propose(2);
  const auto stored = member.take<StoreEntries>().at(0);
  CHECK(stored.first == 4);
  CHECK(stored.last == 5);
  CHECK(member.take<Commit>().empty());
  member.store();
  CHECK(member.take<Commit>().at(0).index == 5);
  CHECK(member.take<Send>().empty());
  member.step(ReadAsked{77});
  const auto read = member.take<ReadConfirmed>().at(0);
  CHECK(read.reads == std::vector<std::uint64_t>{77});
  CHECK(read.index == 5);
}

TEST_CASE("Nobody is asked for a vote before enough would give it") {
  OneMember member(kThree, {7, 0});
  member.pass(milliseconds{500});
  CHECK(member.core().role() == Role::kPreCandidate);
  CHECK(member.core().term() == 7);
  CHECK(member.take<StoreHardState>().empty());
  CHECK(member.sent<PreVote>().size() == 2);
  member.hear(2, 7, PreVoteReply{true});  // Of an earlier question.
  CHECK(member.core().role() == Role::kPreCandidate);
  member.hear(2, 8, PreVoteReply{true});
  CHECK(member.core().role() == Role::kCandidate);
  CHECK(member.core().term() == 8);
}

TEST_CASE("A candidate asks for votes, and counts its own, when its term is durable") {
  OneMember member(kThree);
  member.pass(milliseconds{500});
  member.hear(2, 1, PreVoteReply{true});
  CHECK(member.take<StoreHardState>().at(0).hard_state == HardState{1, 1});
  CHECK(member.sent<Vote>().empty());
  member.hear(2, 1, VoteReply{true});
  CHECK(member.core().role() == Role::kCandidate);
  member.store();
  CHECK(member.core().role() == Role::kLeader);
}

TEST_CASE("A vote is durable before it is told, and given once in a term") {
  OneMember member(kThree);
  member.hear(2, 3, Vote{});
  CHECK(member.take<StoreHardState>().back().hard_state == HardState{3, 2});
  CHECK(member.sent<VoteReply>().empty());
  member.store();
  const auto told = member.sent<VoteReply>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].second.granted);
  member.hear(3, 3, Vote{});
  CHECK_FALSE(member.sent<VoteReply>().at(0).second.granted);
  member.hear(2, 3, Vote{});  // It had not heard.
  CHECK(member.sent<VoteReply>().at(0).second.granted);
}

TEST_CASE("Nobody whose log is older is voted for") {
  OneMember member(kThree, {5, 0}, {2, 5});
  const auto asked = [&](Position last) {
    member.hear(2, member.core().term() + 1, Vote{last});
    member.store();
    return member.sent<VoteReply>().at(0).second.granted;
  };
  CHECK_FALSE(asked({5, 1}));
  CHECK_FALSE(asked({4, 9}));
  CHECK(asked({5, 2}));
  CHECK(asked({6, 1}));
}

TEST_CASE("Whoever hears of a leader gives no votes, unless the leader wants it") {
  OneMember member(kThree);
  member.hear_entries(2, 4, {}, {});
  member.store();
  member.forget();
  member.hear(3, 5, PreVote{{9, 9}});
  CHECK_FALSE(member.sent<PreVoteReply>().at(0).second.granted);
  member.hear(3, 5, Vote{{9, 9}});
  CHECK(member.sent<VoteReply>().empty());
  CHECK(member.core().term() == 4);
  member.hear(3, 5, Vote{{9, 9}, true});
  CHECK(member.core().term() == 5);
  member.store();
  CHECK(member.sent<VoteReply>().at(0).second.granted);
}

TEST_CASE("A leader that no majority answers steps down and answers no reads") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  member.forget();
  member.step(ReadAsked{5});
  CHECK(member.take<ReadConfirmed>().empty());
  for (int i = 0; i < 11; ++i) member.pass(milliseconds{50});
  CHECK(member.core().role() == Role::kFollower);
  CHECK(member.take<ReadRefused>().at(0).reads == std::vector<std::uint64_t>{5});
  member.propose();
  CHECK(member.take<ProposalRefused>().at(0).why == Refusal::kNotLeader);
}

TEST_CASE("A learner, and one that is no member, begin no election") {
  for (const auto& members : {MemberSet({2, 3}, {1}), MemberSet({2, 3}, {}), MemberSet{}}) {
    OneMember member(members);
    member.forget();
    member.pass(milliseconds{60'000});
    CHECK(member.core().role() == Role::kFollower);
    CHECK(member.take<Send>().empty());
    CHECK(member.core().wakes_at() == RaftCore::TimePoint::max());
  }
}

TEST_CASE("An election waits for the member's own disk rather than begin again") {
  OneMember member(MemberSet({1}, {}));
  const auto term = member.core().term();
  for (int i = 0; i < 20; ++i) member.pass(milliseconds{500});
  CHECK(member.core().term() == term);
  member.store();
  CHECK(member.core().role() == Role::kLeader);
}

}  // namespace minidfs::consensus
