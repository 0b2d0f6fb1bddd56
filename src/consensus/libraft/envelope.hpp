// What older versions put into libraft's log: the envelope around a command, and the content of a
// snapshot. Formats: docs/formats.md, "raft/ of before".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::consensus {

// Before every command in the log. The command follows, zero-padded to a multiple of eight bytes,
// which libraft demands of an entry.
struct EntryHeader {
  std::uint32_t command_bytes = 0;
  std::uint32_t format = 1;
  // The number of the last command that the proposer knew to be committed. Since it is at most one
  // less than the command's own number, and what it names was durable when this was written, it
  // tells a lost acknowledged entry from a write that a crash cut short.
  std::uint64_t committed_number = 0;
  std::uint64_t proposer = 0;  // Random, chosen at each start: who waits for the answer.
  std::uint64_t sequence = 0;  // Of the proposer, ascending.
};
static_assert(sizeof(EntryHeader) == 32, "the header is copied to the log as it is");

inline constexpr std::size_t kEntryHeaderBytes = sizeof(EntryHeader);
inline constexpr std::size_t kEnvelopedMaxBytes = 1 << 20;

constexpr std::size_t padded_to_8(std::size_t size) { return (size + 7) / 8 * 8; }
constexpr std::size_t entry_bytes(std::size_t command_bytes) {
  return kEntryHeaderBytes + padded_to_8(command_bytes);
}

struct DecodedEntry {
  EntryHeader header;
  std::string_view command;  // Points into the bytes that were decoded.
};
// `what` names the entry in the error (kCorrupt).
Result<DecodedEntry> decode_entry(std::string_view bytes, std::string_view what);

// A snapshot is a reference: "the state is durable up to this command".
inline constexpr std::size_t kSnapshotBytes = 32;
// Returns the number; `what` names the snapshot in the error (kCorrupt).
Result<std::uint64_t> decode_snapshot(std::string_view bytes, std::string_view what);

}  // namespace minidfs::consensus
