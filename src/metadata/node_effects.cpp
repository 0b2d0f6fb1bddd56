#include "metadata/node_effects.hpp"

namespace minidfs::metadata {
namespace {

NodeMode mode_of(const Node& node) {
  const bool dead = node.state == NodeState::kDead;
  if (node.admin == AdminState::kMaintenance) return dead ? NodeMode::kAway : NodeMode::kCounted;
  if (dead) return node.departed ? NodeMode::kAway : NodeMode::kGone;
  return node.admin == AdminState::kInService ? NodeMode::kCounted : NodeMode::kDraining;
}

}  // namespace

void follow_node(BlockMap& map, const NodeRegistry& registry, NodeIndex index) {
  const Node& node = registry.get(index);
  if (node.state != NodeState::kDead) map.node_joined(index, node.rack_index);
  map.set_node_mode(index, mode_of(node));
  map.set_several_racks(registry.rack_count() > 1);
}

void follow_events(BlockMap& map, const NodeRegistry& registry, std::span<const NodeEvent> events) {
  for (const NodeEvent& event : events) follow_node(map, registry, event.node);
}

}  // namespace minidfs::metadata
