// How an entry stands in a segment. Pure. Format: docs/formats.md, "An entry".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/checksum.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

inline constexpr std::size_t kRecordHeaderBytes = 64;

// What an entry takes in a segment.
constexpr std::size_t record_bytes(std::size_t payload_bytes) {
  return kRecordHeaderBytes + (payload_bytes + 7) / 8 * 8;
}

// What was known when an entry was written.
struct RecordMarks {
  Index committed = 0;  // The highest index known to be committed, at most `synced`.
  Index synced = 0;     // The entries up to here were durable in this log.
};

// Behind what an entry is written.
struct RecordLink {
  std::uint64_t incarnation = 0;  // Of the segment.
  Checksum before_sum = 0;        // Of the entry before it.
};

// Appends the entry to `out`; returns its checksum. REQUIRES: a payload of at most
// kPayloadMaxBytes.
Checksum encode_record(const RecordLink& link, const RecordMarks& marks, const Entry& entry,
                       std::string& out);

struct Record {
  Checksum sum = 0;
  RecordLink link;
  Position position;
  RecordMarks marks;
  EntryKind kind = EntryKind::kCommand;
  std::string_view payload;  // Points into the bytes that were decoded.

  std::size_t bytes() const { return record_bytes(payload.size()); }
  Entry entry() const { return {position.index, position.term, kind, std::string(payload)}; }
};

// The entry that stands at `offset` of `bytes`, if it is whole and of this incarnation. Whether it
// follows what is before it is the caller's question.
std::optional<Record> decode_record(std::string_view bytes, std::size_t offset,
                                    std::uint64_t incarnation);

}  // namespace minidfs::consensus
