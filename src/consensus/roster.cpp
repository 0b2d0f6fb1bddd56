#include "consensus/roster.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/random_id.hpp"

namespace minidfs::consensus {
namespace {

bool by_id(const RosterMember& a, const RosterMember& b) { return a.member.id < b.member.id; }

Error no_such_member(MemberId id) {
  return Error{Errc::kNotFound, name_of(id) + ": not a member of this cluster"};
}

Result<Roster> changed(const Roster& roster, const AddLearner& change) {
  const auto id = change.member.id;
  if (id == 0 || change.member.address.size() > kAddressMaxBytes) {
    return Error{Errc::kInvalidArgument, "a member without an id, or with too long an address"};
  }
  if (roster.contains(id)) return Error{Errc::kAlreadyExists, name_of(id) + ": is a member"};
  if (change.replaces != 0 && !roster.contains(change.replaces)) {
    return no_such_member(change.replaces);
  }
  auto members = roster.members();
  members.push_back({change.member, MemberRole::kLearner, change.replaces});
  if (!Roster::are_members(members)) {
    return Error{Errc::kBusy, "another member joins, or there are " + std::to_string(kMembersMax) +
                                  " members already"};
  }
  return Roster(std::move(members));
}

Result<Roster> changed(const Roster& roster, const PromoteLearner& change) {
  const auto* found = roster.find(change.member);
  if (found == nullptr || found->role != MemberRole::kLearner) {
    return Error{Errc::kNotFound, name_of(change.member) + ": not a learner of this cluster"};
  }
  auto members = roster.members();
  for (auto& each : members) {
    if (each.member.id == change.member) each.role = MemberRole::kVoter;
  }
  return Roster(std::move(members));
}

// Who was to replace it is a member like others then.
Result<Roster> changed(const Roster& roster, const RemoveMember& change) {
  if (!roster.contains(change.member)) return no_such_member(change.member);
  auto members = roster.members();
  std::erase_if(members, [&](const auto& each) { return each.member.id == change.member; });
  for (auto& each : members) {
    if (each.replaces == change.member) each.replaces = 0;
  }
  if (!Roster::are_members(members)) {
    return Error{Errc::kInvalidArgument,
                 name_of(change.member) + ": is the only voter, without which nothing is decided"};
  }
  return Roster(std::move(members));
}

Result<Roster> changed(const Roster& roster, const ChangeAddress& change) {
  if (!roster.contains(change.member.id)) return no_such_member(change.member.id);
  if (change.member.address.size() > kAddressMaxBytes) {
    return Error{Errc::kInvalidArgument,
                 "an address of " + std::to_string(change.member.address.size()) + " bytes"};
  }
  auto members = roster.members();
  for (auto& each : members) {
    if (each.member.id == change.member.id) each.member.address = change.member.address;
  }
  return Roster(std::move(members));
}

}  // namespace

std::string name_of(MemberId id) { return "member " + hex_64(id); }

Roster::Roster(std::vector<RosterMember> members) : members_(std::move(members)) {
  MDFS_ASSERT(are_members(members_));
  std::sort(members_.begin(), members_.end(), by_id);
}

Roster::Roster(const MemberSet& set) {
  for (const auto id : set.voters()) members_.push_back({{id, {}}, MemberRole::kVoter, 0});
  for (const auto id : set.learners()) members_.push_back({{id, {}}, MemberRole::kLearner, 0});
  std::sort(members_.begin(), members_.end(), by_id);
}

bool Roster::are_members(const std::vector<RosterMember>& members) {
  std::vector<MemberId> ids;
  std::size_t learners = 0;
  for (const auto& each : members) {
    ids.push_back(each.member.id);
    if (each.role == MemberRole::kLearner) ++learners;
  }
  std::sort(ids.begin(), ids.end());
  return learners <= 1 && members.size() > learners && members.size() <= kMembersMax &&
         ids.front() != 0 && std::adjacent_find(ids.begin(), ids.end()) == ids.end();
}

const RosterMember* Roster::find(MemberId id) const {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [id](const auto& each) { return each.member.id == id; });
  return found == members_.end() ? nullptr : &*found;
}

MemberAddress Roster::address_of(MemberId id) const {
  const auto* found = find(id);
  return found == nullptr ? MemberAddress{id, {}} : found->member;
}

MemberSet Roster::set() const {
  std::vector<MemberId> voters;
  std::vector<MemberId> learners;
  for (const auto& each : members_) {
    (each.role == MemberRole::kVoter ? voters : learners).push_back(each.member.id);
  }
  return {std::move(voters), std::move(learners)};
}

bool Roster::is_only_voter(MemberId id) const {
  const auto* found = find(id);
  return found != nullptr && found->role == MemberRole::kVoter &&
         std::count_if(members_.begin(), members_.end(),
                       [](const auto& each) { return each.role == MemberRole::kVoter; }) == 1;
}

Result<Roster> with_change(const Roster& roster, const MembersChange& change) {
  return std::visit([&](const auto& each) { return changed(roster, each); }, change);
}

std::vector<RemoveMember> due_removals(const Roster& roster) {
  std::vector<RemoveMember> due;
  for (const auto& each : roster.members()) {
    if (each.role == MemberRole::kVoter && roster.contains(each.replaces)) {
      due.push_back({each.replaces});
    }
  }
  return due;
}

bool RosterHistory::has_removed(MemberId id) const {
  return !latest().contains(id) && std::any_of(sets_.begin(), sets_.end(), [id](const At& at) {
    return at.roster.contains(id);
  });
}

const RosterHistory::At& RosterHistory::at(Index index) const {
  const auto behind = std::upper_bound(sets_.begin(), sets_.end(), index,
                                       [](Index i, const At& at) { return i < at.index; });
  MDFS_ASSERT(behind != sets_.begin());
  return *std::prev(behind);
}

void RosterHistory::reset(At at) {
  sets_.clear();
  sets_.push_back(std::move(at));
}

void RosterHistory::add(At at) {
  MDFS_ASSERT(at.index > latest_index());
  sets_.push_back(std::move(at));
}

void RosterHistory::cut(Index from) {
  while (sets_.size() > 1 && sets_.back().index >= from) sets_.pop_back();
}

void RosterHistory::forget_before(Index index) {
  while (sets_.size() > 1 && sets_[1].index <= index) sets_.erase(sets_.begin());
}

}  // namespace minidfs::consensus
