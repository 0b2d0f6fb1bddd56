// Which datanodes get a new block, and in which order a reader should try those that have one.
// Pure: the registry, a request and a seeded generator give the same answer every time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "metadata/block_types.hpp"
#include "metadata/node_registry.hpp"

namespace minidfs::metadata {

struct PlacementOptions {
  std::uint64_t reserve_bytes = 64ULL << 20;  // Must be free beside the block itself.
};

struct PlacementRequest {
  std::string writer_host;                 // Empty: the writer is not near any datanode.
  std::optional<NodeIndex> writer_node{};  // The datanode that the writer is part of.
  std::uint64_t block_bytes = 0;
  std::uint32_t wanted = 0;
  std::vector<NodeIndex> existing;  // Have the block already; racks are chosen with regard to them.
  std::vector<NodeIndex> excluded;  // Must not be chosen, e.g. because the writer saw them fail.
};

// At most `wanted` nodes, in the order of the pipeline; fewer when there are not enough. As HDFS
// does: the first the writer's own, or on its machine, the second on another rack, the third on the
// rack of the second, the rest anywhere; where a rule cannot be met any node will do. Stale nodes
// only when no live one is left. Among equals chance decides, weighted by free space and against
// load. A node that has room only if writers take less than was promised to them since its last
// heartbeat counts as almost full but may be chosen: it refuses by itself what does not fit.
std::vector<NodeIndex> choose_targets(const NodeRegistry& registry, const PlacementRequest& request,
                                      const PlacementOptions& options, Random& random);

// Why choose_targets() finds none: kNoSpace when there are nodes that could be chosen and none has
// room, else kNoDatanode.
Error no_target(const NodeRegistry& registry, const PlacementRequest& request,
                const PlacementOptions& options);

struct ReaderPosition {
  std::string host;
  std::string rack;  // Empty: unknown, then that of a datanode on the same host if there is one.
  std::optional<NodeIndex> node{};  // The datanode that the reader is part of.
};

// Good replicas on nodes that are not dead: on the reader's own node, on its host, on its rack, the
// others; shuffled within each group; stale nodes after all live ones.
std::vector<NodeIndex> order_for_reading(const NodeRegistry& registry,
                                         std::span<const Replica> replicas,
                                         const ReaderPosition& reader, Random& random);

// The weight of a node for new blocks; 0 when it cannot take `block_bytes`.
std::uint64_t placement_weight(const Node& node, std::uint64_t block_bytes,
                               const PlacementOptions& options);

}  // namespace minidfs::metadata
