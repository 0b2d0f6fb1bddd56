// Who is a member: voters, whose majority decides, and at most one learner, which is brought up to
// date before it becomes one (4.2.1). Values; what else is known of a member (its address) is not
// the core's affair.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "consensus/raft/refusal.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

class MemberSet {
 public:
  MemberSet() = default;
  // REQUIRES: no id twice or 0, and at most one learner.
  MemberSet(std::vector<MemberId> voters, std::vector<MemberId> learners);

  // Ascending both.
  std::span<const MemberId> voters() const { return voters_; }
  std::span<const MemberId> learners() const { return learners_; }
  bool is_voter(MemberId id) const;
  bool is_learner(MemberId id) const;
  bool contains(MemberId id) const { return is_voter(id) || is_learner(id); }
  bool empty() const { return voters_.empty(); }
  // So many voters are a majority.
  std::size_t quorum() const { return voters_.size() / 2 + 1; }

  // Each is what a change leads to; of ids that are not there, nothing.
  MemberSet with_learner(MemberId id) const;
  MemberSet promoted(MemberId learner) const;
  MemberSet without(MemberId id) const;

  friend bool operator==(const MemberSet&, const MemberSet&) = default;

 private:
  std::vector<MemberId> voters_;
  std::vector<MemberId> learners_;
};

// Whether one change may lead from `before` to `after`: any two majorities of both have a voter in
// common when at most one voter comes or goes (4.1). A voter was a learner before.
std::optional<Refusal> refusal_of_change(const MemberSet& before, const MemberSet& after);

// Who is a member from an entry of the log on.
struct MembersAt {
  Index index = 0;
  MemberSet members;
};

// The sets that the end of the log makes, of which the last one holds whether or not it is
// committed (4.1); those before it are needed when it is cut off.
class MemberHistory {
 public:
  const MemberSet& latest() const { return sets_.back().members; }
  Index latest_index() const { return sets_.back().index; }
  // In the latest set, or in one before it that may come back.
  bool may_be_voter(MemberId id) const;

  // REQUIRES: at.index > latest_index().
  void add(MembersAt at);
  // Forgets everything, and that there ever were others.
  void reset(MembersAt at);
  // The entries from `from` on are gone. True when the latest set is another one now.
  // REQUIRES: a set stays.
  bool cut(Index from);
  // Entries up to `index` are never cut.
  void settle(Index index);

 private:
  std::vector<MembersAt> sets_{MembersAt{}};  // Ascending; never empty.
};

}  // namespace minidfs::consensus
