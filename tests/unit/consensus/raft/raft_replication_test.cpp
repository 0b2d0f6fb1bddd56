#include <catch2/catch.hpp>

#include "raft/raft_fixture.hpp"

namespace minidfs::consensus {
namespace {

using std::chrono::milliseconds;

}  // namespace

TEST_CASE(
    "A follower answers for entries when they are durable, up to where its log is the leader's") {
  OneMember member(kThree, {2, 0}, {1, 1, 2, 2});
  // It has two entries that the leader has not.
  member.hear_entries(2, 3, {1, 2}, {});
  member.store();
  CHECK(member.sent<AppendReply>().at(0).second.matched == 2);
  member.hear_entries(2, 3, {1, 2}, {3});
  CHECK(member.take<CutLog>().at(0).from == 3);
  CHECK(member.take<StoreEntries>().at(0).first == 3);
  CHECK(member.sent<AppendReply>().empty());
  // A sign of life does not wait, and claims no more than is durable.
  member.hear_entries(2, 3, {3, 3}, {});
  CHECK(member.sent<AppendReply>().at(0).second.matched == 2);
  member.store();
  CHECK(member.sent<AppendReply>().at(0).second.matched == 3);
}

TEST_CASE("A follower refuses what does not follow, and says from where it might") {
  OneMember member(kThree, {4, 0}, {1, 1, 4, 4});
  member.hear_entries(2, 5, {3, 9}, {5});
  member.store();
  const auto reply = member.sent<AppendReply>().at(0).second;
  CHECK_FALSE(reply.accepted);
  CHECK(reply.refused == 9);
  CHECK(reply.hint == Position{1, 2});
  CHECK(member.core().log().last_index() == 4);
}

TEST_CASE("Entries that come twice, or late, change nothing") {
  OneMember member(kThree);
  member.hear_entries(2, 1, {}, {1, 1, 1}, 2);
  member.store();
  member.forget();
  member.hear_entries(2, 1, {}, {1, 1}, 1);
  CHECK(member.take<StoreEntries>().empty());
  CHECK(member.take<CutLog>().empty());
  CHECK(member.core().committed() == 2);
  CHECK(member.sent<AppendReply>().at(0).second.matched == 2);
}

TEST_CASE("A follower announces nothing that its disk has not") {
  OneMember member(kThree);
  member.hear_entries(2, 1, {}, {1, 1, 1}, 3);
  CHECK(member.core().committed() == 3);
  CHECK(member.take<Commit>().empty());
  member.store();
  CHECK(member.take<Commit>().at(0).index == 3);
}

TEST_CASE("Messages that cannot be are ignored") {
  OneMember member(kThree);
  member.hear_entries(2, 1, {}, {1, 1}, 2);
  member.store();
  member.forget();
  member.step(MessageArrived{2, {1, Append{{1, 2}, 9, 0, 1}}, {}, {}});  // Without its entries.
  member.hear_entries(2, 1, {1, 2}, {7});                                // Of a term to come.
  member.hear_entries(3, 1, {1, 2}, {1});                                // A second leader.
  member.hear(2, 1, AppendReply{.accepted = true, .matched = 99});
  CHECK(member.take<StoreEntries>().empty());
  CHECK(member.take<Send>().empty());
}

TEST_CASE("A leader counts itself when its disk has the entry") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  member.forget();
  member.propose();
  member.be_answered({3});
  CHECK(member.core().committed() == 1);
  member.store();
  CHECK(member.core().committed() == 2);
  CHECK(member.take<Commit>().at(0).index == 2);
}

TEST_CASE("What others have is committed without the leader's disk, and announced with it") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  member.propose();
  member.forget();
  member.be_answered({2, 3});
  CHECK(member.core().committed() == 2);
  CHECK(member.take<Commit>().empty());
  member.store();
  CHECK(member.take<Commit>().at(0).index == 2);
}

TEST_CASE("Entries of former terms are committed with one of the leader's own") {
  OneMember member(kThree, {2, 0}, {2, 2});
  member.be_elected();
  member.forget();
  member.hear(2, 3, AppendReply{.accepted = true, .matched = 2});
  CHECK(member.core().committed() == 0);
  member.hear(2, 3, AppendReply{.accepted = true, .matched = 3});
  CHECK(member.core().committed() == 3);
}

TEST_CASE("A read is confirmed by a round that was sent after it was asked") {
  OneMember member(kThree);
  member.be_elected();
  member.step(ReadAsked{1});  // Before its first entry is committed.
  CHECK(member.take<ReadConfirmed>().empty());
  member.be_answered({2});
  const auto round = member.sent<Append>().back().second.round;
  member.hear(3, 1, AppendReply{.accepted = true, .round = round - 1});
  CHECK(member.take<ReadConfirmed>().empty());
  member.hear(3, 1, AppendReply{.accepted = true, .round = round});
  const auto read = member.take<ReadConfirmed>().at(0);
  CHECK(read.reads == std::vector<std::uint64_t>{1});
  CHECK(read.index == 1);
}

TEST_CASE("A read asks the quickest majority, and all when one of these falls silent") {
  const auto members_asked = [](OneMember& member) {
    std::vector<MemberId> asked;
    for (const auto& [to, append] : member.sent<Append>()) asked.push_back(to);
    return asked;
  };
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2, 3});
  member.pass(milliseconds{50});
  auto round = member.sent<Append>().back().second.round;
  const auto answer = [&](MemberId from) {
    member.hear(from, 1, AppendReply{.accepted = true, .matched = 1, .round = round});
  };
  answer(3);
  member.pass(milliseconds{1});
  answer(2);
  member.forget();

  member.step(ReadAsked{1});
  CHECK(members_asked(member) == std::vector<MemberId>{3});
  member.pass(milliseconds{50});
  const auto asked = member.sent<Append>();
  REQUIRE(asked.size() == 2);
  round = asked.back().second.round;
  answer(2);
  CHECK(member.take<ReadConfirmed>().at(0).reads == std::vector<std::uint64_t>{1});

  member.step(ReadAsked{2});
  CHECK(members_asked(member) == std::vector<MemberId>{2});
  // Neither has answered what it was asked last.
  member.pass(milliseconds{50});
  member.forget();
  ++round;
  answer(2);
  member.take<ReadConfirmed>();
  member.step(ReadAsked{3});
  CHECK(members_asked(member) == std::vector<MemberId>{2, 3});
}

TEST_CASE("So much is on its way to a follower and no more") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  member.forget();
  member.propose(100);
  std::uint64_t sent = 0;
  for (const auto& [to, append] : member.sent<Append>()) {
    CHECK(to == 2);                               // The other one has not said yet what it has.
    CHECK(append.last - append.prev.index == 8);  // Of 1000 bytes each.
    ++sent;
  }
  CHECK(sent == 3);
  member.hear(2, 1, AppendReply{.accepted = true, .matched = 9});
  CHECK(member.sent<Append>().size() == 1);
}

TEST_CASE("What was lost on its way is sent again from where the follower is") {
  OneMember member(kThree);
  member.be_elected();
  member.be_answered({2});
  member.propose(4);
  member.forget();
  member.pass(milliseconds{50});
  for (const auto& [to, append] : member.sent<Append>()) {
    if (to == 2) CHECK(append.prev.index == 5);
  }
  member.hear(2, 1, AppendReply{.refused = 5, .hint = {1, 1}});
  const auto again = member.sent<Append>().at(0).second;
  CHECK(again.prev.index == 1);
  CHECK(again.last == 5);
}

TEST_CASE("A follower whose next entry is gone is seeded, once") {
  OneMember member(kThree, {1, 0}, {1, 1, 1, 1}, 4);
  member.be_elected();
  member.be_answered({2});
  member.step(Applied{5});
  member.step(Trimmed{4});
  member.forget();
  member.hear(3, 2, AppendReply{.refused = 4, .hint = {0, 0}});
  CHECK(member.take<Seed>().at(0).to == 3);
  member.pass(milliseconds{50});
  for (const auto& [to, append] : member.sent<Append>()) {
    if (to == 3) CHECK(append.prev == Position{});
  }
  member.hear(3, 2, AppendReply{.accepted = true});
  CHECK(member.take<Seed>().empty());
  // It has the state, and gets the rest.
  member.hear(3, 2, AppendReply{.accepted = true, .matched = 4});
  CHECK(member.sent<Append>().at(0).second.last == 5);
}

TEST_CASE("A state that was seeded takes the place of the log, and no answer for that leaves") {
  OneMember member(kThree);
  member.hear_entries(2, 1, {}, {1, 1});
  member.step(Stored{1});  // The term, not the entries.
  member.forget();
  CHECK_FALSE(member.core().can_be_seeded({1, 2}));
  REQUIRE(member.core().can_be_seeded({3, 40}));
  member.step(Seeded{{3, 40}, kThree});
  CHECK(member.core().log().last() == Position{3, 40});
  CHECK(member.core().committed() == 40);
  CHECK(member.core().term() == 3);
  member.store();
  CHECK(member.take<Send>().empty());
  member.hear_entries(2, 3, {3, 40}, {3});
  CHECK(member.take<StoreEntries>().at(0).first == 41);
}

}  // namespace minidfs::consensus
