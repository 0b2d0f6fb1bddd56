// The vocabulary that the parts of consensus share: the core that decides, the log that stores, and
// the shell between them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace minidfs::consensus {

using Term = std::uint64_t;      // 0: before any election.
using Index = std::uint64_t;     // Of an entry, from 1; 0: before the first one.
using MemberId = std::uint64_t;  // Random, chosen once for a member's directory; 0: none.

// Names an entry: no two different ones have the same term and index. They are ordered as an
// election compares the ends of two logs (Ongaro's dissertation, section 3.6.1).
struct Position {
  Term term = 0;
  Index index = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

// On disk and between members: do not renumber.
enum class EntryKind : std::uint8_t {
  kCommand = 1,  // For the state machine.
  kNoOp = 2,     // With which a leadership begins; empty.
  kMembers = 3,  // All members from here on.
};

// Of one entry: a command of 1 MiB, and what its envelope needs.
inline constexpr std::size_t kPayloadMaxBytes = (1 << 20) + 4096;

struct Entry {
  Index index = 0;
  Term term = 0;
  EntryKind kind = EntryKind::kCommand;
  std::string payload;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// An entry without its payload.
struct EntryInfo {
  Term term = 0;
  EntryKind kind = EntryKind::kCommand;
  std::uint32_t bytes = 0;  // Of its payload.

  friend bool operator==(const EntryInfo&, const EntryInfo&) = default;
};

// What a member must know again after a crash before it answers anyone.
struct HardState {
  Term term = 0;
  MemberId vote = 0;  // Given in this term; 0: none.

  friend bool operator==(const HardState&, const HardState&) = default;
};

// Of the disk of a member's log, as the member finds it.
struct DiskCondition {
  std::uint32_t sync_us = 0;  // What a sync takes now; 0 while it is not known.
  bool full = false;          // It has no room for more changes.

  friend bool operator==(const DiskCondition&, const DiskCondition&) = default;
};

}  // namespace minidfs::consensus
