// The state of one planning round, shared by the planner's two halves: copies and deletions.
// Internal to the planner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "metadata/replication_planner.hpp"

namespace minidfs::metadata {

// A node as this round sees it.
struct PlannerSlot {
  const Node* node = nullptr;
  std::uint32_t out_free = 0;
  std::uint32_t in_free = 0;
  std::uint64_t bytes_out = 0;  // On their way from the node.
  std::uint64_t bytes_in = 0;   // And to it.
  bool is_source = false;
  bool is_target = false;  // But for free streams and space.
  bool is_safe = false;    // Its replicas justify the deletion of others.
  // Of its capacity, as if everything that is under way had come to its end.
  double used_share = 0;
};

// Whether the node has a replica of the block; one that a copy would replace (of an older
// generation, or out of reach on another disk) on demand only.
inline bool holds(const BlockView& view, NodeIndex node, bool replaceable_too) {
  return std::any_of(view.replicas.begin(), view.replicas.end(), [&](const Replica& r) {
    return r.node == node && (replaceable_too || !is_replaced_by_copy(r.state));
  });
}

struct PlannerRound {
  explicit PlannerRound(const PlannerInput& input);

  const PlannerInput& in;
  const PlannerOptions& options;
  bool several_racks = false;
  bool may_delete = false;
  std::vector<PlannerSlot> slots;  // By node index.
  std::size_t copies_left = 0;
  std::size_t sources_open = 0;  // Nodes that can send one more copy.
  std::size_t targets_open = 0;  // Nodes that can receive one more.
  ReplicationPlan plan;

  // Counts a copy of so many bytes at its target; add_copy() at its source.
  void take(PlannerSlot& target, std::uint64_t bytes);
  void add_copy(PlannerSlot& source, CopyTask task);

 private:
  void add_slot(const Node& node);
};

}  // namespace minidfs::metadata
