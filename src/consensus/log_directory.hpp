// Opens the log of a namenode's directory, whatever is there: the log itself, nothing yet, or a log
// that libraft wrote for an older version, which is carried over once. Format: docs/formats.md,
// "raft/" and "raft/ of before".
#pragma once

#include <memory>
#include <optional>

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
// kExpired when this member was removed from its cluster; kCorrupt for a damaged log, and for one
// that does not fit to `state`: it ends before what the state holds, or begins behind it. What is
// refused stays as it is.
Result<std::unique_ptr<SegmentedLog>> open_log_directory(
    const SegmentedLog::Options& options, StateMachine& state,
    const std::optional<Joining>& joining = {});

// What a removed member is told.
Error removed_member(const std::string& directory, Index index);

}  // namespace minidfs::consensus
