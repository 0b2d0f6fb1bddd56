#include "consensus/raft/member_set.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

namespace minidfs::consensus {
namespace {

std::vector<MemberId> ids(std::span<const MemberId> span) { return {span.begin(), span.end()}; }

// All sets of voters of up to five members, by bits.
MemberSet set_of(unsigned bits) {
  std::vector<MemberId> voters;
  for (MemberId id = 1; id <= 5; ++id) {
    if (((bits >> (id - 1)) & 1U) != 0) voters.push_back(id);
  }
  return {voters, {}};
}

bool is_majority(unsigned some, const MemberSet& of) {
  const auto chosen = set_of(some);
  const auto voters = of.voters();
  const auto count =
      std::count_if(voters.begin(), voters.end(), [&](MemberId id) { return chosen.is_voter(id); });
  return 2 * static_cast<std::size_t>(count) > voters.size();
}

bool majorities_meet(const MemberSet& one, const MemberSet& other) {
  for (unsigned a = 0; a < 32; ++a) {
    for (unsigned b = 0; b < 32; ++b) {
      if ((a & b) == 0 && is_majority(a, one) && is_majority(b, other)) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("A learner joins, becomes a voter and leaves") {
  const MemberSet alone({7}, {});
  const auto joined = alone.with_learner(3);
  CHECK(joined.is_learner(3));
  CHECK_FALSE(joined.is_voter(3));
  CHECK(joined.quorum() == 1);
  const auto voters = joined.promoted(3);
  CHECK(ids(voters.voters()) == std::vector<MemberId>{3, 7});
  CHECK(voters.learners().empty());
  CHECK(voters.quorum() == 2);
  CHECK(voters.without(7) == MemberSet({3}, {}));
  CHECK(alone.promoted(3) == alone);
  CHECK(alone.without(3) == alone);
}

TEST_CASE("No change lets two majorities decide apart") {
  for (unsigned before = 1; before < 32; ++before) {
    for (unsigned after = 1; after < 32; ++after) {
      // Those who come were learners, so that this does not refuse them.
      const auto from = set_of(before);
      const auto come = set_of(after & ~before);
      const MemberSet with_learners(ids(from.voters()), ids(come.voters()));
      const auto refusal = refusal_of_change(with_learners, set_of(after));
      INFO(before << " -> " << after);
      if (!refusal) CHECK(majorities_meet(from, set_of(after)));
      if (refusal == Refusal::kUnsafe) CHECK(__builtin_popcount(before ^ after) > 1);
    }
  }
}

TEST_CASE("Changes are refused that skip a step") {
  const MemberSet three({1, 2, 3}, {});
  CHECK(refusal_of_change(three, three) == Refusal::kNoSuchMember);
  CHECK(refusal_of_change(three, MemberSet({1, 2, 3, 4}, {})) == Refusal::kNotCaughtUp);
  CHECK(refusal_of_change(three, MemberSet({1, 2, 3}, {4, 5})) == Refusal::kUnsafe);
  CHECK(refusal_of_change(three, MemberSet({1}, {})) == Refusal::kUnsafe);
  CHECK(refusal_of_change(MemberSet({1}, {}), MemberSet{}) == Refusal::kUnsafe);
  CHECK(refusal_of_change(three, MemberSet({1, 2, 3}, {3})) == Refusal::kUnsafe);
  // One that lost its disk comes in the place of the one that it was.
  CHECK(refusal_of_change(three, three.without(3).with_learner(4)) == std::nullopt);
}

TEST_CASE("Who was a member is known until it can no longer be cut off") {
  MemberHistory history;
  CHECK(history.latest().empty());
  history.reset({5, MemberSet({1}, {})});
  history.add({9, MemberSet({1}, {2})});
  history.add({12, MemberSet({1, 2}, {})});
  CHECK_FALSE(history.cut(13));
  CHECK(history.cut(10));
  CHECK(history.latest_index() == 9);
  history.settle(8);
  CHECK(history.cut(9));
  CHECK(history.latest() == MemberSet({1}, {}));
  history.add({9, MemberSet({1}, {3})});
  history.settle(9);
  CHECK_FALSE(history.cut(10));
  CHECK(history.latest() == MemberSet({1}, {3}));
}

}  // namespace minidfs::consensus
