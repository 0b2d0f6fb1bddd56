#include "consensus/members_format.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/codec.hpp"
#include "consensus/segments/log_state.hpp"

namespace minidfs::consensus {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RosterMember& x) {
  return f(x.member.id, x.role, x.member.address, x.replaces);
}

namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kVersionOfIds = 1;

struct StoredRoster {
  std::uint8_t version = kVersion;
  std::vector<RosterMember> members;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StoredRoster& x) {
  return f(x.version, x.members);
}

struct StoredIds {
  std::uint8_t version = kVersionOfIds;
  std::vector<MemberId> voters;
  std::vector<MemberId> learners;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StoredIds& x) {
  return f(x.version, x.voters, x.learners);
}

// Of the largest roster; the log's `state` has room for it.
constexpr std::size_t kMemberMaxBytes = 8 + 1 + 4 + kAddressMaxBytes + 8;
static_assert(1 + 4 + kMembersMax * kMemberMaxBytes <= kStoredMembersMaxBytes);

Result<std::vector<RosterMember>> decode_ids(std::string_view bytes, const std::string& what) {
  MDFS_TRY(const auto set, decode<StoredIds>(bytes, what));
  std::vector<RosterMember> members;
  for (const auto id : set.voters) members.push_back({{id, {}}, MemberRole::kVoter, 0});
  for (const auto id : set.learners) members.push_back({{id, {}}, MemberRole::kLearner, 0});
  return members;
}

Result<std::vector<RosterMember>> decode_roster(std::string_view bytes, const std::string& what) {
  MDFS_TRY(auto stored, decode<StoredRoster>(bytes, what));
  return std::move(stored.members);
}

bool is_sound(const RosterMember& each) {
  return each.role <= MemberRole::kLearner && each.member.address.size() <= kAddressMaxBytes;
}

}  // namespace

std::string encode_members(const Roster& roster) {
  StoredRoster stored;
  stored.members = roster.members();
  return encode(stored);
}

Result<Roster> decode_members(std::string_view bytes, const std::string& what) {
  const auto version = bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes.front());
  if (version > kVersion) {
    return Error{Errc::kUnsupported, what + ": members of a newer version; use a newer minidfs"};
  }
  MDFS_TRY(auto members,
           version == kVersionOfIds ? decode_ids(bytes, what) : decode_roster(bytes, what));
  if (version == 0 || !Roster::are_members(members) ||
      !std::all_of(members.begin(), members.end(), is_sound)) {
    return Error{Errc::kCorrupt, what + ": not a set of members"};
  }
  return Roster(std::move(members));
}

}  // namespace minidfs::consensus
