// Reads a log's directory as a start finds it, and judges whether it is whole. Changes nothing.
// Rules: docs/formats.md, "Reading".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consensus/segments/log_state.hpp"
#include "consensus/segments/segment.hpp"

namespace minidfs::consensus {

struct FoundLog {
  LogState state;
  std::vector<std::unique_ptr<Segment>> live;    // In the order of the log, at least one.
  std::vector<std::unique_ptr<Segment>> unused;  // By sequence.
  std::uint32_t highest_number = 0;              // Of all files.
  // Whole entries that are not of the log stand behind its end: nothing may be written there.
  bool end_is_taken = false;
};

// `applied` is the last entry that the database holds; none when it need not fit. kNotFound when
// there is no log, kCorrupt for a damaged one and for one that does not fit to the database,
// kUnsupported for a newer one.
Result<FoundLog> read_log(const std::string& directory, std::optional<Index> applied);

// Whether there is a log, or what is left of one; see SegmentedLog::exists().
Result<bool> find_log(const std::string& directory);

}  // namespace minidfs::consensus
