// Reads libraft's log segment files. Formats: docs/formats.md, "raft/ of before".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace minidfs::consensus {

// libraft's checksum: CRC-32 with the polynomial 0x04C11DB7, most significant bit first, starting
// from `previous` (0 at first), not inverted.
std::uint32_t raft_crc32(std::string_view bytes, std::uint32_t previous = 0);

enum class EntryType : std::uint8_t { kCommand = 1, kBarrier = 2, kChange = 3 };

struct StoredEntry {
  std::uint64_t term = 0;
  EntryType type = EntryType::kCommand;
  std::string_view data;  // Points into the segment's bytes.
};

struct SegmentScan {
  bool blank = false;             // Empty, or allocated and never written.
  std::uint64_t first_index = 0;  // 0 when the format does not say it.
  std::vector<StoredEntry> entries;
  std::size_t end = 0;     // Just past the last whole batch.
  bool clean_end = false;  // Nothing but zeros follow `end`.
  bool too_short = false;  // The file ends within the batch that starts at `end`.
};

// Reads batches up to the first one that is not whole. kCorrupt when the file has no valid header;
// `what` names it.
Result<SegmentScan> scan_segment(std::string_view bytes, const std::string& what);

// Visits the entries of whole batches found anywhere after `offset`, for judging what a damaged
// batch at `offset` means.
void scan_beyond(std::string_view bytes, std::size_t offset,
                 const std::function<void(const StoredEntry&)>& visit);

}  // namespace minidfs::consensus
