// How a set of members stands in an entry of the log, and in the log's `state`. Format:
// docs/formats.md, "Replicated log entries".
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "consensus/raft/member_set.hpp"

namespace minidfs::consensus {

std::string encode_members(const MemberSet& members);
// kCorrupt for anything that encode_members() would not write, kUnsupported for a newer version;
// `what` names it.
Result<MemberSet> decode_members(std::string_view bytes, const std::string& what);

}  // namespace minidfs::consensus
