#include "metadata/replica_trimmer.hpp"

#include <algorithm>
#include <array>

namespace minidfs::metadata {

bool ReplicaTrimmer::add(const BlockView& view, NodeIndex node) {
  auto& deletes = round_.plan.deletes;
  if (deletes.size() >= round_.options.deletes_max) return false;
  const BlockId block = view.block.id;
  deletes.push_back({block, round_.in.map.replica_generation(node, block), node});
  return true;
}

void ReplicaTrimmer::repeat() {
  for (const auto& command : round_.in.work.deletes_to_repeat(round_.in.map, round_.in.now)) {
    const auto view = round_.in.map.find(command.block);
    // Good ones may have been lost since. Then what is not deleted yet had better stay.
    const bool good = round_.in.map.deletes_good(command.node, command.block);
    if (safe_count(*view) < (good ? view->wanted : 1U)) continue;
    if (!add(*view, command.node)) return;
  }
}

// Good replicas on live, settled nodes that no deletion may still be under way to.
std::uint32_t ReplicaTrimmer::safe_count(const BlockView& view) const {
  std::uint32_t count = 0;
  for (const Replica& replica : view.replicas) {
    if (replica.state == ReplicaState::kGood && is_safe(view, replica.node)) ++count;
  }
  return count;
}

bool ReplicaTrimmer::is_safe(const BlockView& view, NodeIndex node) const {
  return round_.slots[node.value].is_safe && !round_.in.work.delete_sent(node, view.block.id);
}

bool ReplicaTrimmer::tidy_misplaced(const BlockView& view) {
  const bool begun = std::any_of(round_.plan.copies.begin(), round_.plan.copies.end(),
                                 [&](const auto& c) { return c.block.id == view.block.id; });
  if (begun || round_.in.work.is_copying(view.block.id)) return true;
  if (round_.in.map.tally(view).live > view.wanted) return trim(view);
  return clean(view);
}

bool ReplicaTrimmer::trim(const BlockView& view) {
  if (round_.plan.deletes.size() >= round_.options.deletes_max) return false;
  if (round_.in.work.is_copying(view.block.id)) return true;
  std::vector<NodeIndex> good;
  for (const Replica& replica : view.replicas) {
    const bool counted = round_.in.map.node_mode(replica.node) == NodeMode::kCounted;
    if (replica.state == ReplicaState::kGood && counted) good.push_back(replica.node);
  }
  std::uint32_t safe = safe_count(view);
  while (good.size() > view.wanted && safe >= view.wanted) {
    const auto victim = choose_victim(view, good, safe > view.wanted);
    if (!victim) break;
    if (is_safe(view, *victim)) --safe;
    std::erase(good, *victim);
    if (!add(view, *victim)) return false;
  }
  return true;
}

// First a replica whose deletion was sent before, then one on a node that comes and goes, then
// one whose rack has another, then that of the fullest node.
std::optional<NodeIndex> ReplicaTrimmer::choose_victim(const BlockView& view,
                                                       const std::vector<NodeIndex>& good,
                                                       bool safe_ones_too) const {
  std::optional<NodeIndex> best;
  std::array<double, 4> best_rank{};
  for (const NodeIndex node : good) {
    const PlannerSlot& slot = round_.slots[node.value];
    const bool safe = is_safe(view, node);
    if (slot.node->state != NodeState::kLive || (safe && !safe_ones_too)) continue;
    const auto on_rack = std::count_if(good.begin(), good.end(), [&](NodeIndex n) {
      return round_.slots[n.value].node->rack_index == slot.node->rack_index;
    });
    const std::array<double, 4> rank{round_.in.work.delete_sent(node, view.block.id) ? 1.0 : 0.0,
                                     safe ? 0.0 : 1.0, static_cast<double>(on_rack),
                                     slot.used_share};
    if (!best || rank > best_rank) {
      best = node;
      best_rank = rank;
    }
  }
  return best;
}

bool ReplicaTrimmer::clean(const BlockView& view) {
  if (safe_count(view) < view.wanted) return true;
  for (const Replica& replica : view.replicas) {
    const bool bad =
        replica.state == ReplicaState::kCorrupt || replica.state == ReplicaState::kStale;
    if (!bad || round_.slots[replica.node.value].node->state != NodeState::kLive) continue;
    if (!add(view, replica.node)) return false;
  }
  return true;
}

void ReplicaTrimmer::make_room(const BlockView& view) {
  for (const PlannerSlot& slot : round_.slots) {
    if (!slot.is_target || holds(view, slot.node->index, false)) continue;
    if (placement_weight(*slot.node, view.block.length, round_.options.placement) > 0) return;
  }
  bool source_lives = false;
  for (const Replica& replica : view.replicas) {
    if (replica.state == ReplicaState::kDeleting) return;  // Room is being made already.
    const PlannerSlot& slot = round_.slots[replica.node.value];
    if (replica.state == ReplicaState::kGood && slot.is_source &&
        slot.node->state == NodeState::kLive &&
        !round_.in.work.delete_sent(replica.node, view.block.id)) {
      source_lives = true;
    }
  }
  if (!source_lives) return;
  for (const Replica& replica : view.replicas) {
    if (replica.state != ReplicaState::kCorrupt) continue;
    if (!round_.slots[replica.node.value].is_target) continue;
    add(view, replica.node);
    return;
  }
}

}  // namespace minidfs::metadata
