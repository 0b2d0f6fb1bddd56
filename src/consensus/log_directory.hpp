// Opens the log of a namenode's directory, whatever is there: the log itself, nothing yet, or a log
// that libraft wrote for an older version, which is carried over once. Format: docs/formats.md,
// "raft/" and "raft/ of before".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "consensus/log.hpp"
#include "consensus/segments/segmented_log.hpp"
#include "consensus/state_machine.hpp"

namespace minidfs::consensus {

// The directory is locked by this process. An empty one gets a log: with `joining` one that waits
// for that cluster, else one of a new cluster, and this member an id. Of a log
// of libraft `state` is given what it lacks, and is made durable; the new log goes on with the
// number after that. A crash at any time is followed by another start, which goes on or begins
// again. So it is with a copy of another member's state that was about to take the place of
// `state`.
//
// kExpired when this member was removed from its cluster; kCorrupt for a damaged log, for one that
// does not fit to `state` (it ends before what the state holds, or begins behind it), and for one
// that was rolled back. What is refused stays as it is.
Result<std::unique_ptr<SegmentedLog>> open_log_directory(
    const SegmentedLog::Options& options, StateMachine& state,
    const std::optional<Joining>& joining = {});

// What a removed member is told, and one whose log had reached `acknowledged`.
Error removed_member(const std::string& directory, Index index);
Error rolled_back_member(const std::string& directory, Index acknowledged);

// The other members, as this one knew them last; none when it was alone, or nothing is known.
Result<std::vector<MemberAddress>> others_known(const std::string& directory);

// Removes the log, so that the directory is as an empty one. Until that is done, others_known()
// does not change, and the log is refused.
Status discard_log(const std::string& directory);

}  // namespace minidfs::consensus
