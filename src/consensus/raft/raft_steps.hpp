// What happens to a member of a Raft cluster, and what it then does: the events and the effects of
// RaftCore.
//
// The core knows of entries where they are, of what term, kind and size; their payloads are its
// owner's, and so is the log on disk. What goes to the disk is numbered (`write`) and carried out
// in that order; the owner tells up to which number everything is durable, and may sync several
// at once.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "consensus/raft/member_set.hpp"
#include "consensus/raft/raft_messages.hpp"
#include "consensus/raft/refusal.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// --- Events -----------------------------------------------------------------------------------

// The first event, and only the first. All that it names is durable.
struct Started {
  HardState hard_state;
  Position before;                     // Of the entry before the first one of the log.
  std::span<const EntryInfo> entries;  // All of the log.
  // As of `applied`, then one for each entry of kMembers after it; empty for one that is to join.
  std::span<const MembersAt> members;
  Index committed = 0;  // As far as the log tells. Counts from `applied` when that is higher.
  Index applied = 0;    // What the state machine holds; from `before` on.
};

// Due at wakes_at(), and harmless at any time.
struct Tick {};

// Commands wait to be appended. Answered within the step: by StoreEntries, which numbers exactly
// these in their order, or by ProposalRefused.
struct Proposed {
  std::span<const std::uint32_t> bytes;  // Of each payload; at least one.
};

struct MessageArrived {
  MemberId from = 0;
  Message message;
  // Of an Append: its entries, and the members that those of kMembers name.
  std::span<const EntryInfo> entries;
  std::span<const MembersAt> members;
};

// Everything up to this number is durable.
struct Stored {
  std::uint64_t write = 0;
};
// By the state machine.
struct Applied {
  Index index = 0;
};
// The owner has dropped the front of the log. REQUIRES: what it held is applied, and durable so.
struct Trimmed {
  Index to = 0;  // The last entry that is gone.
};

// Answered by ReadConfirmed or ReadRefused, within the step or later.
struct ReadAsked {
  std::uint64_t read = 0;
};
// Another voter is to lead; 0: whoever is best. Answered by TransferEnded, or a RoleChanged.
struct TransferAsked {
  MemberId to = 0;
};
// Answered by NewEntry or ChangeRefused, within the step.
struct MembersAsked {
  MemberSet members;
  // Of what only the owner knows of members something changes: they may be the same as now.
  bool other_facts = false;
};

// A copy of the state up to `position` is here, durable, and the log is empty and goes on after it.
// REQUIRES: can_be_seeded(position), and nothing that the core wanted written is still to come: the
// hard state is durable, and entries that were under way are dropped with the others.
struct Seeded {
  Position position;
  MemberSet members;
};
// A member was seeded, or that failed: see what it has.
struct SeedEnded {
  MemberId member = 0;
  bool installed = false;  // As it says, which is a sign of life.
};

using RaftEvent = std::variant<Started, Tick, Proposed, MessageArrived, Stored, Applied, Trimmed,
                               ReadAsked, TransferAsked, MembersAsked, Seeded, SeedEnded>;

// --- Effects, to be carried out in their order ------------------------------------------------

// The entries of an Append are those of the log after its `prev` up to its `last`.
struct Send {
  MemberId to = 0;
  Message message;
};

// To the disk.
struct StoreHardState {
  HardState hard_state;
  std::uint64_t write = 0;
};
// Entries from `from` on, stored or waiting for it, are no more.
struct CutLog {
  Index from = 0;
  std::uint64_t write = 0;
};
// At the end of the log: those of Proposed, of the Append that arrived, or of NewEntry.
struct StoreEntries {
  Index first = 0;
  Index last = 0;
  std::uint64_t write = 0;
};

// The core appends an entry of its own; its StoreEntries follows.
struct NewEntry {
  Position position;
  EntryKind kind = EntryKind::kNoOp;
  MemberSet members;  // Of kMembers.
};

// Entries up to here are committed, and durable here: they may be applied.
struct Commit {
  Index index = 0;
};

struct RoleChanged {
  Role role = Role::kFollower;
  Term term = 0;
  MemberId leader = 0;  // As far as it is known.

  friend bool operator==(const RoleChanged&, const RoleChanged&) = default;
};
// From now on, committed or not.
struct MembersChanged {
  MembersAt at;
};

struct ProposalRefused {
  Refusal why = Refusal::kNotLeader;
};
struct ChangeRefused {
  Refusal why = Refusal::kNotLeader;
};
// This member leads on, and takes proposals again.
struct TransferEnded {
  Refusal why = Refusal::kTimedOut;
};

// This member was leader after these were asked. A state that holds `index` answers them.
struct ReadConfirmed {
  std::vector<std::uint64_t> reads;
  Index index = 0;
};
// To be asked of another member.
struct ReadRefused {
  std::vector<std::uint64_t> reads;
};

// What the member lacks is no longer in the log: it is to be given a copy of a state. Once, until
// SeedEnded or until it turns out to have one.
struct Seed {
  MemberId to = 0;
};

using RaftEffect = std::variant<Send, StoreHardState, CutLog, StoreEntries, NewEntry, Commit,
                                RoleChanged, MembersChanged, ProposalRefused, ChangeRefused,
                                TransferEnded, ReadConfirmed, ReadRefused, Seed>;
// Few events have more; then it allocates.
using RaftEffects = absl::InlinedVector<RaftEffect, 3>;

}  // namespace minidfs::consensus
