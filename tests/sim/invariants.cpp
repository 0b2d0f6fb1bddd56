#include "sim/invariants.hpp"

#include <algorithm>

namespace minidfs::sim {
namespace {

// Safety 1: a block of a file always has a good replica on some disk, as faults spare the last one.
std::optional<std::string> check_nothing_lost(const FakeCluster& cluster) {
  for (const auto& [block, owned] : cluster.files()) {
    if (cluster.good_replicas(block) == 0) return "lost: " + cluster.describe(block);
  }
  return std::nullopt;
}

// Safety 2: after the decision to delete a good replica as many good ones as wanted are left on
// live nodes, not counting any whose deletion is still under way.
std::optional<std::string> check_deletes(const FakeCluster& cluster) {
  for (const auto& [command, was_good] : cluster.new_deletes()) {
    const auto file = cluster.files().find(command.block);
    if (file == cluster.files().end()) return "deletes for repair what no file owns";
    const auto view = cluster.map().find(command.block);
    std::size_t left = 0;
    for (const Replica& replica : view->replicas) {
      const bool live = cluster.registry().get(replica.node).state == NodeState::kLive;
      const bool going = cluster.delete_under_way(command.block, replica.node);
      if (replica.state == ReplicaState::kGood && live && !going) ++left;
    }
    // A bad replica may go while fewer are left, but never when it might be the last hope.
    if (left < (was_good ? file->second.wanted : 1U)) {
      return "deletes from node " + std::to_string(command.node.value) + " and leaves " +
             std::to_string(left) + ": " + cluster.describe(command.block);
    }
  }
  return std::nullopt;
}

// Safety 3: work in flight is bounded, for each node and in all.
std::optional<std::string> check_bounds(const FakeCluster& cluster) {
  const PlannerOptions& options = cluster.planner_options();
  if (cluster.work().copies_in_flight() > options.copies_max) return "too many copies in flight";
  if (cluster.last_plan().deletes.size() > options.deletes_max) return "too many deletions";
  for (const Node& node : cluster.registry().nodes()) {
    const auto streams = cluster.work().streams(node.index);
    if (streams.in > options.streams_in_max || streams.out > options.streams_out_max) {
      return "node " + std::to_string(node.index.value) + " has " + std::to_string(streams.in) +
             " streams in and " + std::to_string(streams.out) + " out";
    }
  }
  return std::nullopt;
}

// Safety 4: a copy goes from a node that has the block to nodes that have not.
std::optional<std::string> check_copies(const FakeCluster& cluster) {
  for (const CopyTask& task : cluster.last_plan().copies) {
    const auto view = cluster.map().find(task.block.id);
    for (const Replica& replica : view->replicas) {
      const bool is_target =
          std::find(task.targets.begin(), task.targets.end(), replica.node) != task.targets.end();
      if (is_target && replica.state != ReplicaState::kStale) {
        return "copies to a holder: " + cluster.describe(task.block.id);
      }
    }
    const bool has = std::any_of(view->replicas.begin(), view->replicas.end(), [&](auto& r) {
      return r.node == task.source && r.state == ReplicaState::kGood;
    });
    if (!has || task.targets.empty()) return "copies from nowhere or to nowhere";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> check_step(const FakeCluster& cluster) {
  for (const auto check : {check_nothing_lost, check_deletes, check_bounds, check_copies}) {
    if (auto violation = check(cluster)) return violation;
  }
  return std::nullopt;
}

std::optional<std::string> check_converged(const FakeCluster& cluster) {
  for (const auto& [block, owned] : cluster.files()) {
    const std::size_t target = std::min<std::size_t>(owned.wanted, cluster.nodes().size());
    if (cluster.good_replicas(block) != target) return "not at target: " + cluster.describe(block);
  }
  for (const FakeNode& node : cluster.nodes()) {
    for (const auto& [block, replica] : node.disk) {
      const auto file = cluster.files().find(block);
      if (file == cluster.files().end()) return "not collected: " + cluster.describe(block);
      if (replica.corrupt || replica.generation != file->second.block.generation) {
        return "bad replica left: " + cluster.describe(block);
      }
    }
  }
  const auto counts = cluster.map().counts(cluster.files().size());
  if (counts.missing + counts.under_replicated + counts.over_replicated + counts.corrupt +
          counts.unowned >
      0) {
    return "the map disagrees with the disks: missing " + std::to_string(counts.missing) +
           ", under-replicated " + std::to_string(counts.under_replicated) + ", over-replicated " +
           std::to_string(counts.over_replicated) + ", corrupt " + std::to_string(counts.corrupt) +
           ", unowned " + std::to_string(counts.unowned);
  }
  return std::nullopt;
}

}  // namespace minidfs::sim
