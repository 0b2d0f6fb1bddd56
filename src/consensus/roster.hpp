// Who is a member and what is known of each: what an entry of kMembers says. The core knows only
// the ids. Values.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.hpp"
#include "consensus/quorum.hpp"
#include "consensus/raft/member_set.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// As lines of the log and errors have it.
std::string name_of(MemberId id);

// Five voters, one that replaces another, and a learner.
inline constexpr std::size_t kMembersMax = 7;

struct RosterMember {
  MemberAddress member;
  MemberRole role = MemberRole::kVoter;
  MemberId replaces = 0;  // Is to be removed when this one is a voter.

  friend bool operator==(const RosterMember&, const RosterMember&) = default;
};

class Roster {
 public:
  Roster() = default;
  // Sorts them. REQUIRES: are_members(members).
  explicit Roster(std::vector<RosterMember> members);
  // Of which nothing else is known.
  explicit Roster(const MemberSet& set);

  // No id twice or 0, at most kMembersMax with at most one learner and at least one voter.
  static bool are_members(const std::vector<RosterMember>& members);

  const std::vector<RosterMember>& members() const { return members_; }  // Ascending by id.
  bool empty() const { return members_.empty(); }
  const RosterMember* find(MemberId id) const;
  bool contains(MemberId id) const { return find(id) != nullptr; }
  MemberAddress address_of(MemberId id) const;  // Without an address when it is not a member.
  MemberSet set() const;
  bool is_only_voter(MemberId id) const;

  friend bool operator==(const Roster&, const Roster&) = default;

 private:
  std::vector<RosterMember> members_;
};

// What the change makes of it. The errors are those of ChangeAnswer; whether the cluster is in a
// state to take it is the core's to say.
Result<Roster> with_change(const Roster& roster, const MembersChange& change);

// The change that is due by what the roster says, and needs no learner to catch up: one who was
// replaced goes.
std::vector<RemoveMember> due_removals(const Roster& roster);

// The rosters that the log names, and the one in force before it.
class RosterHistory {
 public:
  struct At {
    Index index = 0;
    Roster roster;
  };

  const Roster& latest() const { return sets_.back().roster; }
  Index latest_index() const { return sets_.back().index; }
  // Whether an earlier one names the member, and the latest does not.
  bool has_removed(MemberId id) const;
  // In force at that entry. REQUIRES: not forgotten.
  const At& at(Index index) const;

  void reset(At at);
  // REQUIRES: at.index > latest_index().
  void add(At at);
  // The entries from `from` on are gone.
  void cut(Index from);
  // at() is asked of no entry before this one.
  void forget_before(Index index);

 private:
  std::vector<At> sets_{At{}};  // Ascending; never empty.
};

}  // namespace minidfs::consensus
