// A balance that an operator asked for: when blocks may be moved for it, how far it is, when it has
// come to its end. What is moved is decided by the planner. Pure; owned by the namenode's block
// manager.
#pragma once

#include <cstdint>
#include <vector>

#include "metadata/block_map.hpp"
#include "metadata/node_registry.hpp"
#include "metadata/repair_work.hpp"
#include "metadata/replication_planner.hpp"

namespace minidfs::metadata {

// How evenly the space of the nodes that take blocks is used.
struct NodeBalance {
  double mean = 0;       // Used part of the capacity.
  double deviation = 0;  // Of the farthest node, as part of the mean; 0 when nothing is used.
};
NodeBalance node_balance(const NodeRegistry& registry);

class BalanceRun {
 public:
  enum class State : std::uint8_t { kNone, kRunning, kReached, kStuck, kStopped };

  // No node shall be farther from the mean than `threshold` times the mean. Takes the place of one
  // that runs.
  void begin(double threshold, const NodeRegistry& registry, const RepairWork& work);
  void stop();

  State state() const { return state_; }
  bool running() const { return state_ == State::kRunning; }
  double threshold() const { return threshold_; }
  // Whether every node that takes blocks has told its use of space since the begin: before that
  // nothing is moved, and nothing is at its end.
  bool figures_are_fresh(const NodeRegistry& registry) const;
  std::uint64_t moved(const RepairWork& work) const { return work.moves_arrived() - moves_before_; }
  std::uint64_t moved_bytes(const RepairWork& work) const {
    return work.moved_bytes() - bytes_before_;
  }

  // The planner's options for the next round.
  void adjust(PlannerOptions& options, const NodeRegistry& registry) const;
  // Tells what that round brought, once it has begun. Returns whether this was the end.
  bool follow(const ReplicationPlan& plan, const BlockMap& map, const RepairWork& work,
              const NodeRegistry& registry);

 private:
  State state_ = State::kNone;
  double threshold_ = 0;
  std::vector<std::uint64_t> heartbeats_before_;  // By node.
  std::uint64_t moves_before_ = 0;
  std::uint64_t bytes_before_ = 0;
};

}  // namespace minidfs::metadata
