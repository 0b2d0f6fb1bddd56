#include "consensus/roster.hpp"

#include <catch2/catch.hpp>

namespace minidfs::consensus {
namespace {

constexpr auto kVoter = MemberRole::kVoter;
constexpr auto kLearner = MemberRole::kLearner;

Roster three() {
  return Roster({{{3, "c"}, kVoter, 0}, {{1, "a"}, kVoter, 0}, {{2, "b"}, kVoter, 0}});
}

Errc refusal(const Roster& roster, const MembersChange& change) {
  return with_change(roster, change).error().code;
}

}  // namespace

TEST_CASE("a roster is sorted, and its set is what the core knows") {
  CHECK(three().members()[0].member == MemberAddress{1, "a"});
  CHECK(three().set() == MemberSet({1, 2, 3}, {}));
  CHECK(three().address_of(2).address == "b");
  CHECK(three().address_of(7) == MemberAddress{7, ""});
  CHECK(Roster(MemberSet({5, 4}, {6})).set() == MemberSet({4, 5}, {6}));
  CHECK_FALSE(three().is_only_voter(1));
  CHECK(Roster({{{1, "a"}, kVoter, 0}, {{2, "b"}, kLearner, 0}}).is_only_voter(1));
  CHECK_FALSE(Roster({{{1, "a"}, kVoter, 0}, {{2, "b"}, kLearner, 0}}).is_only_voter(2));
}

TEST_CASE("a learner is added, promoted, and takes the place of another member") {
  const auto with = with_change(three(), AddLearner{{4, "d"}, 2}).value();
  CHECK(with.set() == MemberSet({1, 2, 3}, {4}));
  CHECK(due_removals(with).empty());
  const auto promoted = with_change(with, PromoteLearner{4}).value();
  CHECK(promoted.set() == MemberSet({1, 2, 3, 4}, {}));
  REQUIRE(due_removals(promoted).size() == 1);
  CHECK(due_removals(promoted)[0].member == 2);
  const auto replaced = with_change(promoted, RemoveMember{2}).value();
  CHECK(replaced.set() == MemberSet({1, 3, 4}, {}));
  CHECK(replaced.find(4)->replaces == 0);
  CHECK(due_removals(replaced).empty());
}

TEST_CASE("changes of a roster that make no sense are refused") {
  CHECK(refusal(three(), AddLearner{{3, "x"}, 0}) == Errc::kAlreadyExists);
  CHECK(refusal(three(), AddLearner{{0, "x"}, 0}) == Errc::kInvalidArgument);
  CHECK(refusal(three(), AddLearner{{4, std::string(kAddressMaxBytes + 1, 'x')}, 0}) ==
        Errc::kInvalidArgument);
  CHECK(refusal(three(), AddLearner{{4, "x"}, 9}) == Errc::kNotFound);
  const auto with = with_change(three(), AddLearner{{4, "d"}, 0}).value();
  CHECK(refusal(with, AddLearner{{5, "x"}, 0}) == Errc::kBusy);
  CHECK(refusal(with, PromoteLearner{3}) == Errc::kNotFound);
  CHECK(refusal(with, RemoveMember{9}) == Errc::kNotFound);
  CHECK(refusal(with, ChangeAddress{{9, "x"}}) == Errc::kNotFound);
  CHECK(refusal(Roster(MemberSet({1}, {2})), RemoveMember{1}) == Errc::kInvalidArgument);
  CHECK(refusal(Roster(MemberSet({1, 2, 3, 4, 5, 6, 7}, {})), AddLearner{{8, "x"}, 0}) ==
        Errc::kBusy);
}

TEST_CASE("a history knows who was a member at an entry, and who is one no more") {
  RosterHistory history;
  history.reset({10, three()});
  const auto two = with_change(three(), RemoveMember{2}).value();
  history.add({20, two});
  CHECK(history.at(10).roster == three());
  CHECK(history.at(19).roster == three());
  CHECK(history.at(20).index == 20);
  CHECK(history.at(99).roster == two);
  CHECK(history.has_removed(2));
  CHECK_FALSE(history.has_removed(1));
  CHECK_FALSE(history.has_removed(9));  // It never was one.
  history.cut(20);
  CHECK(history.latest() == three());
  history.add({21, two});
  history.forget_before(20);
  CHECK(history.at(20).index == 10);
  history.forget_before(21);
  CHECK(history.latest_index() == 21);
  CHECK_FALSE(history.has_removed(2));
}

}  // namespace minidfs::consensus
