// What a namespace knows of its own past: its lives, with which change each leadership began, and
// the marks of blocks. A plain value, read from the database at the start of a process and followed
// by what that process logs; so nobody waits for the disk when a datanode registers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "metadata/block_identity.hpp"
#include "metadata/epoch.hpp"
#include "metadata/later_state.hpp"

namespace minidfs::metadata {

class NamespaceHistory {
 public:
  // --- As it was read ---
  // Ids of blocks below `id_bound` came from the old counter.
  NamespaceHistory(const Epoch& now, std::uint64_t id_bound) : now_(now), id_bound_(id_bound) {}
  NamespaceHistory() : NamespaceHistory({}, 1) {}
  void add_past(const LifeId& life, const LifeFacts& facts) { past_[life] = facts; }
  void add_beginning(const Epoch& epoch, std::uint64_t change) {
    began_.try_emplace({epoch.life, epoch.leadership}, change);
  }
  // Taken by a leadership, or given up.
  void add_mark(BlockMark mark) { marks_.insert(mark); }

  // --- What is logged ---
  // The change with this number. A none `epoch.life` leaves the life as it is.
  void begin_leadership(const Epoch& epoch, BlockMark mark, std::uint64_t change);
  void give_up(std::span<const LifeId> lives, std::span<const BlockMark> marks);

  // --- Asking ---
  const Epoch& now() const { return now_; }
  // What the namespace holds of a life, for those who obeyed this leadership of it last. `newest`
  // is its last change.
  LifeFacts facts(const Epoch& epoch, std::uint64_t newest) const;
  // Those of `marks` that no leadership took, the old counter did not reach and nobody gave up.
  std::vector<BlockMark> strange(std::span<const BlockMark> marks) const;

 private:
  Epoch now_;
  std::uint64_t id_bound_ = 1;
  std::map<LifeId, LifeFacts> past_;
  std::map<std::pair<LifeId, std::uint64_t>, std::uint64_t> began_;
  absl::flat_hash_set<BlockMark> marks_;
};

}  // namespace minidfs::metadata
