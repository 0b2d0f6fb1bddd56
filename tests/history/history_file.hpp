// Histories on disk: a file for each client, written while it works and read when all have ended.
//
//   minidfs-history 1 CLIENT
//   > TIME DIRECTORY create|overwrite NAME VALUE
//   > TIME DIRECTORY rename NAME TARGET
//   > TIME DIRECTORY remove|stat NAME
//   > TIME DIRECTORY list
//   < TIME done|notfound|exists|found VALUE|listed [NAME=VALUE …]|unknown TEXT
//
// Calls and returns take turns; a last call without a return is unknown. Times are nanoseconds of
// CLOCK_MONOTONIC, names and directories have no spaces.
//
// Beside them, written by whoever watches the cluster, the file `leaderships`: lines BEGIN END TERM
// LEADER, in the same time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "history/history.hpp"

namespace minidfs::history {

struct Leadership {
  Nanoseconds begin = 0;
  Nanoseconds end = 0;
  std::uint64_t term = 0;
  std::string leader;
};

struct RecordedRun {
  std::map<std::string, DirectoryHistory> directories;
  std::vector<std::string> failures;  // Why answers are unknown, with the client and the call.
  std::vector<Leadership> leaderships;
};

// Of a client's file; `name` is for errors (kCorrupt, with the line).
Status read_client(const std::string& name, const std::string& text, RecordedRun& run);
Status read_leaderships(const std::string& name, const std::string& text, RecordedRun& run);
// All files client-* of the directory, and leaderships if it is there.
Result<RecordedRun> read_run(const std::string& directory);

// The leaderships in which a read and a change of one directory overlapped, both answered: only
// these say something about what reads see.
std::uint64_t telling_leaderships(const RecordedRun& run);

}  // namespace minidfs::history
