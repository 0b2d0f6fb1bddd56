#include "sim/whole/checker.hpp"

#include <algorithm>

#include "sim/whole/bounds.hpp"

namespace minidfs::sim {
namespace {

// The order queue of a datanode.
constexpr std::size_t kOrdersMax = 4'096;

void check_served_bytes(Cluster& cluster, const std::string& path) {
  const auto blocks = cluster.namenode.locate(path);
  if (!blocks.ok()) return;
  const auto& contents = cluster.namenode.state().visible().contents;
  for (const auto& block : *blocks) {
    for (const auto& location : block.locations) {
      const auto& replicas = cluster.at(location.data)->disk().replicas;
      const auto there = replicas.find(block.block.id);
      if (there == replicas.end() || there->second.block != block.block) continue;
      if (there->second.content == contents.at(block.block.id)) continue;
      cluster.world.violated(path +
                             ": other bytes than were written: " + cluster.describe(block.block));
    }
  }
}

std::optional<std::string> misplaced(Cluster& cluster) {
  const auto& owned = cluster.namenode.state().table().owned();
  for (const auto& [id, block] : owned) {
    if (cluster.ledger.may_be_lost(id)) continue;
    const auto wanted = std::min<std::size_t>(block.wanted, cluster.nodes.size());
    if (cluster.good_replicas(block.block) != wanted) {
      return "wanted " + std::to_string(wanted) + ": " + cluster.describe(block.block);
    }
  }
  for (const auto& node : cluster.nodes) {
    for (const auto& [id, replica] : node->disk().replicas) {
      if (!owned.contains(id)) return "not collected: " + cluster.describe(replica.block);
      if (replica.block != owned.at(id).block) {
        return "a foreign replica is left: " + cluster.describe(replica.block);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

void check_block(Cluster& cluster, BlockId block) {
  const auto& owned = cluster.namenode.state().table().owned();
  const auto found = owned.find(block);
  if (found == owned.end() || cluster.ledger.may_be_lost(block)) return;
  if (cluster.good_replicas(found->second.block) > 0) return;
  cluster.world.violated("lost: " + cluster.describe(found->second.block));
}

void check_all(Cluster& cluster) {
  auto& table = cluster.namenode.state().table();
  for (const auto& [id, owned] : table.owned()) {
    check_block(cluster, id);
    if (*table.is_retired(id)) {
      cluster.world.violated("a file owns what was given up: " + cluster.describe(owned.block));
    }
  }
  const auto& visible = cluster.namenode.state().visible();
  cluster.ledger.check(visible);
  if (cluster.namenode.process().up()) {
    for (const auto& [path, file] : visible.files) check_served_bytes(cluster, path);
  }
  // Clients that are silent for long are forgotten, by this time.
  const std::chrono::milliseconds passed(cluster.namenode.state().times().cluster_ms);
  if (passed > cluster.world.now().time_since_epoch()) {
    cluster.world.violated("the cluster's time runs ahead of time");
  }
  for (const auto& node : cluster.nodes) {
    if (node->orders_waiting() > kOrdersMax) {
      cluster.world.violated("node " + std::to_string(node->place()) + " queues " +
                             std::to_string(node->orders_waiting()) + " orders");
    }
  }
  check_waits(cluster);
}

// Bytes of removed files that a copy brought back may be gone for good: then safe mode ends by the
// operator's word only.
void leave_safe_mode(Cluster& cluster) {
  for (const auto& [id, owned] : cluster.namenode.state().table().owned()) {
    if (cluster.ledger.may_be_lost(id) && cluster.good_replicas(owned.block) == 0) {
      return cluster.namenode.leave_safe_mode();
    }
  }
}

std::optional<std::string> unfinished(Cluster& cluster) {
  if (cluster.namenode.safe_mode()) {
    leave_safe_mode(cluster);
    return "still in safe mode";
  }
  for (const auto& node : cluster.namenode.status().nodes) {
    if (node.state != "live") return "a datanode is " + node.state;
  }
  for (const auto& [session, file] : cluster.namenode.state().table().staged_files()) {
    return "write session " + std::to_string(session) + " is over and has a staged file";
  }
  if (auto left = misplaced(cluster)) return left;
  for (const auto& problem : cluster.namenode.problems()) {
    if (cluster.ledger.may_be_lost(problem.block.id)) continue;
    return "the namenode sees a problem: " + cluster.describe(problem.block);
  }
  return std::nullopt;
}

std::size_t readable_elsewhere(Cluster& cluster, const metadata::Block& block, Place place) {
  const auto& visible = cluster.namenode.state().visible();
  if (!cluster.namenode.process().up()) return 0;
  std::size_t count = 0;
  for (const auto& [path, file] : visible.files) {
    if (std::find(file.blocks.begin(), file.blocks.end(), block) == file.blocks.end()) continue;
    const auto blocks = cluster.namenode.locate(path);
    for (const auto& located : *blocks) {
      if (located.block != block) continue;
      for (const auto& location : located.locations) {
        if (location.data.port == place) continue;
        const auto& replicas = cluster.at(location.data)->disk().replicas;
        const auto there = replicas.find(block.id);
        if (there != replicas.end() && there->second.synced) ++count;
      }
    }
  }
  return count;
}

}  // namespace minidfs::sim
