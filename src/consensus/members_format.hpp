// How the members stand in an entry of the log, in the log's `state` and in what a seed begins
// with. Format: docs/formats.md, "Replicated log entries".
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "consensus/roster.hpp"

namespace minidfs::consensus {

std::string encode_members(const Roster& roster);
// Version 1, of before members had addresses, is read as well. kCorrupt for anything that was never
// written, kUnsupported for a newer version; `what` names it.
Result<Roster> decode_members(std::string_view bytes, const std::string& what);

}  // namespace minidfs::consensus
