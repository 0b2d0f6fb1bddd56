// A cluster as the planner sees it: map, registry and work in one place, driven by hand.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "metadata/node_effects.hpp"
#include "metadata/replication_planner.hpp"

namespace minidfs::metadata {

// Nodes on two racks in turn unless said otherwise, all live and reported, each with room.
struct Cluster {
  explicit Cluster(std::uint16_t count, std::uint16_t racks = 1) {
    for (std::uint16_t i = 0; i < count; ++i) {
      add_node("/r" + std::to_string(i % racks));
    }
    options.balance = false;
  }

  NodeIndex add_node(const std::string& rack, double used_share = 0.5,
                     std::uint64_t capacity = 1ULL << 40) {
    NodeUsage usage;
    usage.capacity_bytes = capacity;
    usage.used_bytes = static_cast<std::uint64_t>(used_share * static_cast<double>(capacity));
    usage.free_bytes = usage.capacity_bytes - usage.used_bytes;
    const std::uint64_t id = registry.nodes().size() + 1;
    const std::string host = "h" + std::to_string(id);
    const auto added =
        registry.register_node({NodeId{0, id}, 1, host, {host, 9866}, rack, usage}, now);
    REQUIRE(added.ok());
    registry.report_completed(added->node);
    follow_node(map, registry, added->node);
    return added->node;
  }

  void block(std::uint64_t id, std::vector<std::uint16_t> on, std::uint8_t wanted = 3,
             std::uint64_t length = 1 << 20) {
    std::vector<NodeIndex> nodes;
    for (const auto node : on) nodes.push_back(NodeIndex{node});
    REQUIRE(map.commit_block({{BlockId{id}, 2, length}, wanted}, nodes));
  }

  ReplicationPlan plan(bool safe_mode = false) {
    work.update(map, now);
    return plan_replication({map, registry, work, options, safe_mode, now}, random);
  }

  ReplicationPlan begin() {
    auto result = plan();
    work.begin(map, result, now);
    return result;
  }

  void kill(std::uint16_t node) {
    const Node& gone = registry.get(NodeIndex{node});
    const auto event = registry.goodbye(gone.id, gone.incarnation, now);
    REQUIRE(event.ok());
    follow_events(map, registry, std::vector{**event});
    map.node_dead(NodeIndex{node});  // As after dead_after.
  }

  void copy_done(const CopyTask& task) {
    for (const NodeIndex target : task.targets) {
      map.add_reported(target, {task.block.id, task.block.generation, task.block.length, true},
                       nullptr);
    }
  }

  TimePoint now{};
  NodeRegistry registry;
  BlockMap map;
  RepairWork work;
  PlannerOptions options;
  Random random{1};
};

}  // namespace minidfs::metadata
