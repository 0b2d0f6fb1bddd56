#include "consensus/members_format.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/codec.hpp"

namespace minidfs::consensus {
namespace {

constexpr std::uint8_t kVersion = 1;

struct StoredSet {
  std::uint8_t version = kVersion;
  std::vector<MemberId> voters;
  std::vector<MemberId> learners;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StoredSet& x) {
  return f(x.version, x.voters, x.learners);
}

bool is_set(const StoredSet& set) {
  auto ids = set.voters;
  ids.insert(ids.end(), set.learners.begin(), set.learners.end());
  std::sort(ids.begin(), ids.end());
  return !set.voters.empty() && set.learners.size() <= 1 && ids.front() != 0 &&
         std::adjacent_find(ids.begin(), ids.end()) == ids.end();
}

}  // namespace

std::string encode_members(const MemberSet& members) {
  StoredSet set;
  set.voters.assign(members.voters().begin(), members.voters().end());
  set.learners.assign(members.learners().begin(), members.learners().end());
  return encode(set);
}

Result<MemberSet> decode_members(std::string_view bytes, const std::string& what) {
  if (!bytes.empty() && static_cast<std::uint8_t>(bytes.front()) > kVersion) {
    return Error{Errc::kUnsupported, what + ": members of a newer version; use a newer minidfs"};
  }
  MDFS_TRY(auto set, decode<StoredSet>(bytes, what));
  if (set.version != kVersion || !is_set(set)) {
    return Error{Errc::kCorrupt, what + ": not a set of members"};
  }
  return MemberSet(std::move(set.voters), std::move(set.learners));
}

}  // namespace minidfs::consensus
