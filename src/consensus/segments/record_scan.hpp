// Finds the entries of a segment in its bytes, and judges what stands behind the last one: the rest
// of a write that a crash cut short, or damage. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/checksum.hpp"
#include "consensus/segments/record_format.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// Entries of one term that follow each other.
struct TermRun {
  Index first = 0;
  Term term = 0;

  friend bool operator==(const TermRun&, const TermRun&) = default;
};

// What the first entry of a segment follows.
struct ScanStart {
  std::uint64_t incarnation = 0;
  Position before;
  Checksum before_sum = 0;
};

struct RecordPlace {
  std::uint32_t offset = 0;
  std::uint32_t payload_bytes = 0;
  EntryKind kind = EntryKind::kCommand;

  friend bool operator==(const RecordPlace&, const RecordPlace&) = default;
};

struct RecordScan {
  std::vector<RecordPlace> places;  // Of each entry.
  std::vector<TermRun> terms;
  Position last;  // ScanStart::before when there is no entry.
  Checksum last_sum = 0;
  std::size_t end = 0;  // Just past the last entry.
  // The highest that an entry names, of either mark.
  Index committed = 0;
  Index synced = 0;
};

// The entries from the beginning of `bytes` to the first place that holds none which follows.
RecordScan scan_records(std::string_view bytes, const ScanStart& start);

// Entries of the same use of the segment that are whole, but stand behind a place that is not.
struct Beyond {
  std::size_t offset = 0;  // Of the first one.
  Index held = 0;          // Any of them says that the log held the entries up to this one.
};
std::optional<Beyond> look_beyond(std::string_view bytes, std::size_t end,
                                  std::uint64_t incarnation);

}  // namespace minidfs::consensus
