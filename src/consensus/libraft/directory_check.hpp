// Reads the log that libraft wrote for an older version, and judges whether all is there that was
// ever acknowledged. libraft itself went on without what was damaged or missing; here such a
// directory is refused, but for the rest of a write that a crash cut short. Changes nothing.
// Format: docs/formats.md, "raft/ of before".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace minidfs::consensus {

struct DirectoryFacts {
  bool fresh = false;                  // Empty, or nothing in it was ever acknowledged.
  std::uint64_t last_number = 0;       // The last command in the log.
  std::uint64_t term = 0;              // The highest that any entry or vote has.
  std::vector<std::string> unapplied;  // Commands that the state lacks, up to the last one.
};

// `applied` is the number of the last command that the state machine holds. kCorrupt names the file
// and says what can be done, also when the log and the state do not fit together.
Result<DirectoryFacts> check_directory(const std::string& directory, std::uint64_t applied);

}  // namespace minidfs::consensus
