// Judges a log directory before libraft sees it. libraft repairs by dropping: it cuts an open
// segment at the first damaged batch and passes over files that are missing. Here such a directory
// is refused instead, unchanged, unless what is cut was never acknowledged. Only reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace minidfs::consensus {

struct DirectoryFacts {
  bool fresh = false;                  // Nothing was ever acknowledged: to be bootstrapped.
  std::uint64_t snapshot_number = 0;   // The last command that the snapshot covers.
  std::uint64_t last_number = 0;       // The last command in the log.
  std::uint64_t term = 0;              // The highest that any entry or vote has.
  std::vector<std::string> unapplied;  // Commands that the state lacks, up to the last one.
  // What an interrupted bootstrap left; to be removed when `fresh`.
  std::vector<std::string> leftovers;
  // Open segments with fewer unused bytes at their end than libraft wants to read, and the size to
  // cut them to: libraft refuses them although nothing is wrong.
  struct Cut {
    std::string path;
    std::uint64_t size_bytes = 0;
  };
  std::vector<Cut> cuts;
};

// `applied` is the number of the last command that the state machine holds. kCorrupt names the file
// and says what can be done, also when the log and the state do not fit together.
Result<DirectoryFacts> check_directory(const std::string& directory, std::uint64_t applied);

}  // namespace minidfs::consensus
