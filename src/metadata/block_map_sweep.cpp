// The part of the block map that follows nodes: what they are, and the sweep that carries a change
// of that over the blocks.
#include <algorithm>
#include <utility>

#include "metadata/block_map_editor.hpp"

namespace minidfs::metadata {

void BlockMap::node_joined(NodeIndex node, RackIndex rack) {
  PerNode& joined = per_node(node);
  const bool moved = joined.replicas > 0 && joined.rack != rack;
  joined.rack = rack;
  if (joined.mode == NodeMode::kGone) set_node_mode(node, NodeMode::kCounted);
  if (moved) begin_sweep(racks_swept_);
}

void BlockMap::node_dead(NodeIndex node) {
  set_node_mode(node, NodeMode::kGone);
  end_report(node);
}

void BlockMap::set_node_mode(NodeIndex node, NodeMode mode) {
  PerNode& changed = per_node(node);
  if (changed.mode == mode) return;
  while (changed.swept != Swept::kDone) sweep();
  changed.mode_before = std::exchange(changed.mode, mode);
  if (changed.replicas > 0) begin_sweep(changed.swept);
}

NodeMode BlockMap::node_mode(NodeIndex node) const {
  const PerNode* state = known(node);
  return state == nullptr ? NodeMode::kGone : state->mode;
}

// How a replica of the block counts that is on the node.
NodeMode BlockMap::counted_mode(NodeIndex node, BlockId block) const {
  const PerNode* state = known(node);
  if (state == nullptr) return NodeMode::kGone;
  if (state->swept == Swept::kDone) return state->mode;
  const bool passed = state->swept == Swept::kThisRound && passed_ && block <= *passed_;
  return passed ? state->mode : state->mode_before;
}

void BlockMap::set_several_racks(bool several) {
  if (several_racks_ == several) return;
  several_racks_ = several;
  begin_sweep(racks_swept_);
}

void BlockMap::begin_sweep(Swept& swept) {
  swept = round_on_ ? Swept::kNextRound : Swept::kThisRound;
  round_on_ = true;
  sweep();
}

void BlockMap::end_round() {
  passed_.reset();
  round_on_ = false;
  const auto next = [this](Swept& swept) {
    const bool waits = swept == Swept::kNextRound;
    swept = waits ? Swept::kThisRound : Swept::kDone;
    round_on_ = round_on_ || waits;
  };
  next(racks_swept_);
  for (PerNode& node : nodes_) next(node.swept);
}

void BlockMap::sweep() {
  if (!round_on_) return;
  auto at = passed_ ? entries_.upper_bound(*passed_) : entries_.begin();
  for (std::size_t i = 0; i < sweep_step_; ++i) {
    if (at == entries_.end()) return end_round();
    const BlockId block = at->first;
    if (concerns_round(block, at->second)) {
      sweep_block(at);
      at = entries_.upper_bound(block);
    } else {
      passed_ = block;
      ++at;
    }
  }
}

bool BlockMap::concerns_round(BlockId block, const Entry& entry) const {
  if (racks_swept_ == Swept::kThisRound) return true;
  const auto is_swept = [this](std::uint16_t node) {
    return nodes_[node].swept == Swept::kThisRound;
  };
  const auto* end = entry.nodes.begin() + entry.inline_count;
  if (std::any_of(entry.nodes.begin(), end, is_swept)) return true;
  if (entry.overflows == 0) return false;
  const ReplicaList& more = overflow_.find(block)->second;
  return std::any_of(more.begin(), more.end(),
                     [&](const Replica& replica) { return is_swept(replica.node.value); });
}

// Takes the entry out of the counters as it counted so far, and puts it in as it counts now.
void BlockMap::sweep_block(Entries::iterator at) {
  const BlockId block = at->first;
  Editor editor(*this, at);
  passed_ = block;
  for (std::size_t i = editor.replicas.size(); i > 0; --i) {
    if (counted_mode(editor.replicas[i - 1].node, block) != NodeMode::kGone) continue;
    erase_replica(block, editor.entry(), editor.replicas, i - 1);
  }
}

}  // namespace minidfs::metadata
