// What a change in the registry means for the block map. Called by the namenode's block actor after
// every registration and for every node event.
#pragma once

#include <span>

#include "metadata/block_map.hpp"
#include "metadata/node_registry.hpp"

namespace minidfs::metadata {

// Brings what the map believes of the node in line with the registry: joined, dead, draining or
// away. May be repeated. The replicas of a node that dies are forgotten, but for maintenance.
void follow_node(BlockMap& map, const NodeRegistry& registry, NodeIndex node);
void follow_events(BlockMap& map, const NodeRegistry& registry, std::span<const NodeEvent> events);

}  // namespace minidfs::metadata
