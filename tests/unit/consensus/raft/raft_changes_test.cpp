#include <catch2/catch.hpp>

#include "raft/raft_fixture.hpp"

namespace minidfs::consensus {
namespace {

using std::chrono::milliseconds;

Refusal refusal(OneMember& member, const MemberSet& wanted) {
  member.forget();
  member.step(MembersAsked{wanted});
  return member.take<ChangeRefused>().at(0).why;
}

}  // namespace

TEST_CASE("A member joins as a learner and votes when it has caught up") {
  OneMember member(MemberSet({1}, {}));
  member.store();
  CHECK(refusal(member, MemberSet({1}, {2})) == Refusal::kNotReady);
  member.store();
  member.step(MembersAsked{MemberSet({1}, {2})});
  CHECK(member.take<NewEntry>().at(0).kind == EntryKind::kMembers);
  CHECK(member.core().members().is_learner(2));
  CHECK(refusal(member, MemberSet({1, 2}, {})) == Refusal::kChangePending);
  member.store();
  CHECK(refusal(member, MemberSet({1, 2}, {})) == Refusal::kNotCaughtUp);
  member.be_answered({2});
  member.step(MembersAsked{MemberSet({1, 2}, {})});
  CHECK(member.core().members().is_voter(2));
  // Both decide from now on.
  member.store();
  CHECK(member.core().committed() == 2);
  member.be_answered({2});
  CHECK(member.core().committed() == 3);
}

TEST_CASE("A learner is to be promoted when all that it lacks is on its way to it") {
  OneMember member(MemberSet({1}, {}));
  member.store();
  member.store();
  CHECK_FALSE(member.core().promotion());
  member.step(MembersAsked{MemberSet({1}, {2})});
  CHECK_FALSE(member.core().promotion());  // Not committed.
  member.store();
  CHECK_FALSE(member.core().promotion());  // Not heard.
  member.propose(100);                     // More than may be on its way.
  member.store();
  member.hear(2, 1, AppendReply{.accepted = true, .matched = 2});
  CHECK_FALSE(member.core().promotion());
  member.hear(2, 1, AppendReply{.accepted = true, .matched = 90});
  CHECK(member.core().promotion() == MemberSet({1, 2}, {}));
  for (int i = 0; i < 11; ++i) member.pass(milliseconds{50});
  CHECK_FALSE(member.core().promotion());  // Not heard for a while.
}

TEST_CASE("Nobody is removed when those who are left could not decide") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  for (int i = 0; i < 11; ++i) {
    member.pass(milliseconds{50});
    member.be_answered({2});
  }
  CHECK(refusal(member, MemberSet({1, 3}, {})) == Refusal::kNotReachable);
  member.step(MembersAsked{MemberSet({1, 2}, {})});
  CHECK(member.take<ChangeRefused>().empty());
}

TEST_CASE("A leader that is removed leads until that is committed") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2, 3});
  member.step(MembersAsked{MemberSet({2, 3}, {})});
  member.store();
  CHECK(member.core().role() == Role::kLeader);
  member.be_answered({2});
  CHECK(member.core().role() == Role::kLeader);
  member.be_answered({3});
  CHECK(member.core().role() == Role::kFollower);
  CHECK(member.core().committed() == 2);
}

TEST_CASE("A member leads for a change that removes it, when only it has that") {
  OneMember member(MemberSet({1, 2}, {}), {1, 0}, {1});
  const std::vector<EntryInfo> infos{{1, EntryKind::kMembers, 0}};
  const std::vector<MembersAt> members{{2, MemberSet({2}, {})}};
  member.step(MessageArrived{2, {1, Append{{1, 1}, 2, 0, 1}}, infos, members});
  member.store();
  member.be_elected();  // By the other one alone: it has no vote itself.
  member.be_answered({2});
  CHECK(member.core().committed() == 3);
  CHECK(member.core().role() == Role::kFollower);
  member.forget();
  member.pass(milliseconds{60'000});
  CHECK(member.take<Send>().empty());
}

TEST_CASE("A change that is cut off never was") {
  OneMember member(kThree, {1, 0}, {1});
  const std::vector<EntryInfo> infos{{1, EntryKind::kMembers, 0}};
  const std::vector<MembersAt> members{{2, MemberSet({1, 2, 3}, {4})}};
  member.step(MessageArrived{2, {1, Append{{1, 1}, 2, 0, 1}}, infos, members});
  CHECK(member.core().members().is_learner(4));
  member.hear_entries(3, 2, {1, 1}, {2});
  CHECK(member.core().members() == kThree);
  CHECK(member.take<MembersChanged>().back().at.members == kThree);
}

TEST_CASE("Leadership goes to one that has everything, and meanwhile nothing is taken") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  member.propose();
  member.forget();
  member.step(TransferAsked{2});
  CHECK(member.sent<TimeoutNow>().empty());
  member.propose();
  CHECK(member.take<ProposalRefused>().at(0).why == Refusal::kTransferring);
  member.be_answered({2});
  CHECK(member.sent<TimeoutNow>().at(0).first == 2);
  member.hear(2, 2, Vote{member.core().log().last(), true});
  CHECK(member.core().role() == Role::kFollower);
  member.store();
  CHECK(member.sent<VoteReply>().at(0).second.granted);
}

TEST_CASE("A leader leads on when its successor does not come") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2, 3});
  member.forget();
  member.step(TransferAsked{9});
  CHECK(member.take<TransferEnded>().at(0).why == Refusal::kNoSuchMember);
  member.step(TransferAsked{});
  CHECK(member.sent<TimeoutNow>().size() == 1);
  for (int i = 0; i < 10; ++i) {
    member.pass(milliseconds{50});
    member.be_answered({2, 3});
  }
  CHECK(member.take<TransferEnded>().at(0).why == Refusal::kTimedOut);
  member.propose();
  CHECK(member.take<ProposalRefused>().empty());
}

TEST_CASE("A follower that is told to begins an election at once") {
  OneMember member(kThree);
  member.hear_entries(2, 1, {}, {1});
  member.store();
  member.forget();
  member.hear(3, 1, TimeoutNow{});  // Not its leader.
  CHECK(member.core().role() == Role::kFollower);
  member.hear(2, 1, TimeoutNow{});
  CHECK(member.core().role() == Role::kCandidate);
  member.store();
  CHECK(member.sent<Vote>().at(0).second.transfer);
}

}  // namespace minidfs::consensus
