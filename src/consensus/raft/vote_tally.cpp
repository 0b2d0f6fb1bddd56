#include "consensus/raft/vote_tally.hpp"

#include <algorithm>
#include <vector>

namespace minidfs::consensus {

std::size_t VoteTally::count(const MemberSet& members, bool granted) const {
  return static_cast<std::size_t>(
      std::count_if(votes_.begin(), votes_.end(), [&members, granted](const auto& vote) {
        return vote.second == granted && members.is_voter(vote.first);
      }));
}

bool VoteTally::lost(const MemberSet& members) const {
  return count(members, false) + members.quorum() > members.voters().size();
}

std::uint64_t reached_by_majority(const MemberSet& members,
                                  const std::function<std::uint64_t(MemberId)>& reached) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(members.voters().size());
  for (const auto id : members.voters()) numbers.push_back(reached(id));
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end(), std::greater<>());
  return numbers[members.quorum() - 1];
}

}  // namespace minidfs::consensus
