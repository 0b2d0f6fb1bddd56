// Counts of a majority: votes of an election, and the number that most of the voters have reached.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "consensus/raft/member_set.hpp"

namespace minidfs::consensus {

class VoteTally {
 public:
  void reset() { votes_.clear(); }
  // The first answer of each counts.
  void add(MemberId voter, bool granted) { votes_.emplace(voter, granted); }

  // By a majority of `members`; answers of others do not count.
  bool won(const MemberSet& members) const { return count(members, true) >= members.quorum(); }
  bool lost(const MemberSet& members) const;

 private:
  std::size_t count(const MemberSet& members, bool granted) const;

  std::map<MemberId, bool> votes_;
};

// The highest number that a majority of the voters has reached; 0 when there is no voter.
std::uint64_t reached_by_majority(const MemberSet& members,
                                  const std::function<std::uint64_t(MemberId)>& reached);

}  // namespace minidfs::consensus
