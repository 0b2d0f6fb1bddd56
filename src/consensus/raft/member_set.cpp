#include "consensus/raft/member_set.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace minidfs::consensus {
namespace {

bool holds(const std::vector<MemberId>& ids, MemberId id) {
  return std::binary_search(ids.begin(), ids.end(), id);
}

void add(std::vector<MemberId>& ids, MemberId id) {
  ids.insert(std::upper_bound(ids.begin(), ids.end(), id), id);
}

// How many of `ids` are not among `others`.
std::size_t beyond(std::span<const MemberId> ids, const MemberSet& others) {
  return static_cast<std::size_t>(std::count_if(
      ids.begin(), ids.end(), [&others](MemberId id) { return !others.is_voter(id); }));
}

}  // namespace

MemberSet::MemberSet(std::vector<MemberId> voters, std::vector<MemberId> learners)
    : voters_(std::move(voters)), learners_(std::move(learners)) {
  std::sort(voters_.begin(), voters_.end());
  std::sort(learners_.begin(), learners_.end());
}

bool MemberSet::is_voter(MemberId id) const { return holds(voters_, id); }
bool MemberSet::is_learner(MemberId id) const { return holds(learners_, id); }

MemberSet MemberSet::with_learner(MemberId id) const {
  MemberSet after = *this;
  if (!contains(id)) add(after.learners_, id);
  return after;
}

MemberSet MemberSet::promoted(MemberId learner) const {
  MemberSet after = *this;
  if (std::erase(after.learners_, learner) > 0) add(after.voters_, learner);
  return after;
}

MemberSet MemberSet::without(MemberId id) const {
  MemberSet after = *this;
  std::erase(after.voters_, id);
  std::erase(after.learners_, id);
  return after;
}

std::optional<Refusal> refusal_of_change(const MemberSet& before, const MemberSet& after) {
  if (after == before) return Refusal::kNoSuchMember;
  if (after.empty() || after.learners().size() > 1) return Refusal::kUnsafe;
  const auto come = beyond(after.voters(), before);
  if (come + beyond(before.voters(), after) > 1) return Refusal::kUnsafe;
  for (const auto id : after.voters()) {
    if (after.is_learner(id)) return Refusal::kUnsafe;
    if (!before.contains(id)) return Refusal::kNotCaughtUp;
  }
  return std::nullopt;
}

bool MemberHistory::may_be_voter(MemberId id) const {
  return std::any_of(sets_.begin(), sets_.end(),
                     [id](const MembersAt& at) { return at.members.is_voter(id); });
}

void MemberHistory::add(MembersAt at) {
  MDFS_ASSERT(at.index > latest_index());
  sets_.push_back(std::move(at));
}

void MemberHistory::reset(MembersAt at) {
  sets_.clear();
  sets_.push_back(std::move(at));
}

bool MemberHistory::cut(Index from) {
  MDFS_ASSERT(sets_.front().index < from);
  bool cut = false;
  while (latest_index() >= from) {
    sets_.pop_back();
    cut = true;
  }
  return cut;
}

void MemberHistory::settle(Index index) {
  while (sets_.size() > 1 && sets_[1].index <= index) sets_.erase(sets_.begin());
}

}  // namespace minidfs::consensus
