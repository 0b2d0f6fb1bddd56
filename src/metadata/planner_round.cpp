#include "metadata/planner_round.hpp"

#include <utility>

namespace minidfs::metadata {

PlannerRound::PlannerRound(const PlannerInput& input) : in(input), options(input.options) {
  several_racks = in.registry.rack_count() > 1;
  may_delete = !in.safe_mode && !in.unsettled && in.registry.all_live_reported();
  for (const Node& node : in.registry.nodes()) add_slot(node);
  copies_left = options.copies_max - std::min(options.copies_max, in.work.copies_in_flight());
  for (std::size_t i = 0; i < plan.resume_at.size(); ++i) plan.resume_at[i] = in.work.resume_at(i);
  plan.balance_found = in.work.balance_found();
}

void PlannerRound::add_slot(const Node& node) {
  const auto streams = in.work.streams(node.index);
  const bool known = in.map.node_mode(node.index) == NodeMode::kCounted ||
                     in.map.node_mode(node.index) == NodeMode::kDraining;
  const bool live = node.state == NodeState::kLive && known;
  const bool settled = node.deaths == 0 || in.now - node.registered_at >= options.settle_time;
  PlannerSlot slot;
  slot.node = &node;
  slot.out_free = options.streams_out_max - std::min(options.streams_out_max, streams.out);
  slot.in_free = options.streams_in_max - std::min(options.streams_in_max, streams.in);
  slot.bytes_out = streams.bytes_out;
  slot.bytes_in = streams.bytes_in;
  if (slot.bytes_out >= options.stream_bytes_max) slot.out_free = 0;
  if (slot.bytes_in >= options.stream_bytes_max) slot.in_free = 0;
  slot.is_source = node.state != NodeState::kDead && known;
  slot.is_target = live && settled && node.takes_blocks();
  slot.is_safe = live && settled && in.map.node_mode(node.index) == NodeMode::kCounted;
  if (node.usage.capacity_bytes > 0) {
    const std::uint64_t used = node.usage.used_bytes + streams.bytes_in;
    slot.used_share = static_cast<double>(used - std::min(used, streams.bytes_leaving)) /
                      static_cast<double>(node.usage.capacity_bytes);
  }
  if (slot.is_source && slot.out_free > 0) ++sources_open;
  if (slot.is_target && slot.in_free > 0) ++targets_open;
  slots.push_back(slot);
}

void PlannerRound::take(PlannerSlot& target, std::uint64_t bytes) {
  target.bytes_in += bytes;
  --target.in_free;
  if (target.bytes_in >= options.stream_bytes_max) target.in_free = 0;
  if (target.in_free == 0) --targets_open;
}

void PlannerRound::add_copy(PlannerSlot& source, CopyTask task) {
  source.bytes_out += task.block.length;
  --source.out_free;
  if (source.bytes_out >= options.stream_bytes_max) source.out_free = 0;
  if (source.out_free == 0) --sources_open;
  --copies_left;
  plan.copies.push_back(std::move(task));
}

}  // namespace minidfs::metadata
