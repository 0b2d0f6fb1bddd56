// The small vocabulary shared by the block map, the registry, placement and planning: dense indices
// that stand for nodes and racks in memory, replica states, and the types in which time and
// randomness are handed to pure code.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <random>

#include "base/ids.hpp"

namespace minidfs::metadata {

// Of the steady clock of the process that judges; always an argument, never read here.
using TimePoint = std::chrono::steady_clock::time_point;

// Always passed by reference and seeded by the caller, so that a run can be repeated.
using Random = std::mt19937_64;

// A uniform number in [0, bound). Defined here because the standard's distributions may differ from
// one library to the next. REQUIRES: bound > 0.
inline std::uint64_t random_below(Random& random, std::uint64_t bound) { return random() % bound; }

// Stands for a datanode in memory: the registry hands out 0, 1, 2, … in order of first
// registration. Valid for the process's lifetime only; never sent, never stored.
struct NodeIndex {
  std::uint16_t value = 0xFFFF;

  bool is_none() const { return value == 0xFFFF; }
  friend auto operator<=>(const NodeIndex&, const NodeIndex&) = default;
};

// Stands for a rack in memory, in the same way.
struct RackIndex {
  std::uint16_t value = 0;
  friend auto operator<=>(const RackIndex&, const RackIndex&) = default;
};

enum class ReplicaState : std::uint8_t {
  kGood = 0,      // Of the block's generation and length.
  kStale = 1,     // Of an older generation: neither counted nor served.
  kAhead = 2,     // Of a newer generation than was committed so far: neither counted nor served.
  kCorrupt = 3,   // Found bad by a reader or scrubber, or of a wrong length.
  kDeleting = 4,  // Its deletion was decided; gone for safety, still there for space.
  // On a disk that hangs or has failed, as its node says: neither counted nor served. It may come
  // back, so nothing that was decided about it is done yet.
  kUnreachable = 5,
};
inline constexpr std::size_t kReplicaStates = 6;

// A copy that is brought to the node takes its place.
inline bool is_replaced_by_copy(ReplicaState state) {
  return state == ReplicaState::kStale || state == ReplicaState::kUnreachable;
}

struct Replica {
  NodeIndex node;
  ReplicaState state = ReplicaState::kGood;

  friend bool operator==(const Replica&, const Replica&) = default;
};

}  // namespace minidfs::metadata
