// The words of the replicated log: terms, indexes, members, entries. Shared by the Raft core, the
// log on disk and the messages between members. Terms as in Ongaro, "Consensus: Bridging Theory and
// Practice" (2014); the numbers of sections in this folder are those of that dissertation.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace minidfs::consensus {

using Term = std::uint64_t;      // From 1; 0: before the first.
using Index = std::uint64_t;     // Of an entry, from 1; 0: before the first.
using MemberId = std::uint64_t;  // Random, of one life of a directory; 0: none.

// An entry is known by both: two logs that have the same position have the same entry there, and
// the same ones before it ("log matching", 3.5).
struct Position {
  Term term = 0;
  Index index = 0;

  // As logs are compared in elections: the higher term is newer, then the longer log (3.6.1).
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Stored; do not renumber.
enum class EntryKind : std::uint8_t {
  kCommand = 1,  // For the state machine.
  kNoOp = 2,     // Of a new leader; its payload is empty.
  kMembers = 3,  // Who is a member from this entry on.
};

struct Entry {
  Index index = 0;
  Term term = 0;
  EntryKind kind = EntryKind::kCommand;
  std::string payload;
};

// What a member must never forget of elections (3.8).
struct HardState {
  Term term = 0;
  MemberId vote = 0;  // For whom it voted in `term`.

  friend bool operator==(const HardState&, const HardState&) = default;
};

}  // namespace minidfs::consensus
