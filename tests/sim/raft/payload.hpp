// What the members of a simulated cluster log and what their state machines make of it: a number
// that stands for all entries up to one, in their order.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/error.hpp"
#include "consensus/raft/raft_steps.hpp"

namespace minidfs::sim::raft {

using consensus::EntryInfo;
using consensus::EntryKind;
using consensus::HardState;
using consensus::Index;
using consensus::MemberId;
using consensus::MembersAt;
using consensus::MemberSet;
using consensus::Position;
using consensus::Term;

struct SimEntry {
  EntryInfo info;
  std::uint64_t command = 0;  // No two are the same.
  MemberSet members;
};

using Chain = std::uint64_t;
inline Chain chained(Chain before, const SimEntry& entry) {
  auto mixed = before;
  for (const auto part :
       {entry.info.term, std::uint64_t{0} + static_cast<std::uint8_t>(entry.info.kind),
        entry.command}) {
    mixed = (mixed ^ part) * 0x9E3779B97F4A7C15ULL;
    mixed ^= mixed >> 29U;
  }
  return mixed;
}

// Entries from one on, with their payloads.
struct SimLog {
  Position before;
  std::deque<SimEntry> entries;

  Index last() const { return before.index + entries.size(); }
  const SimEntry& at(Index index) const {
    MDFS_ASSERT(index > before.index && index <= last());
    return entries[static_cast<std::size_t>(index - before.index - 1)];
  }
  Position position(Index index) const {
    return index == before.index ? before : Position{at(index).info.term, index};
  }
  // Entries that are no longer kept are there too.
  bool holds(Position wanted) const {
    if (wanted.index <= before.index) return true;
    return wanted.index <= last() && at(wanted.index).info.term == wanted.term;
  }
  void cut(Index from) {
    while (last() >= from && !entries.empty()) entries.pop_back();
  }
  void trim(Index to) {
    while (before.index < to && !entries.empty()) {
      before = {entries.front().info.term, before.index + 1};
      entries.pop_front();
    }
  }
  void reset(Position wanted) {
    before = wanted;
    entries.clear();
  }
};

// A state machine, or a copy of one.
struct SimState {
  Position position;
  Chain chain = 0;
  MembersAt members;  // As of the last change that was applied.

  void apply(Index index, const SimEntry& entry) {
    position = {entry.info.term, index};
    chain = chained(chain, entry);
    if (entry.info.kind == EntryKind::kMembers) members = {index, entry.members};
  }
};

}  // namespace minidfs::sim::raft
