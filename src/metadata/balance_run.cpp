#include "metadata/balance_run.hpp"

#include <algorithm>
#include <cmath>

namespace minidfs::metadata {
namespace {

// Blocks moved at a time for a balance that was asked for.
constexpr std::size_t kCopiesMax = 128;
// A heartbeat that arrives after the begin may have been written before it; the next one was not.
constexpr std::uint64_t kFreshAfter = 2;
// The planner aims a little nearer, as blocks are not sand.
constexpr double kAim = 0.8;

}  // namespace

NodeBalance node_balance(const NodeRegistry& registry) {
  std::vector<double> shares;
  for (const auto& node : registry.nodes()) {
    if (!node.takes_blocks() || node.usage.capacity_bytes == 0) continue;
    shares.push_back(static_cast<double>(node.usage.used_bytes) /
                     static_cast<double>(node.usage.capacity_bytes));
  }
  NodeBalance balance;
  for (const double share : shares) balance.mean += share / static_cast<double>(shares.size());
  if (balance.mean <= 0) return balance;
  for (const double share : shares) {
    balance.deviation = std::max(balance.deviation, std::abs(share - balance.mean) / balance.mean);
  }
  return balance;
}

void BalanceRun::begin(double threshold, const NodeRegistry& registry, const RepairWork& work) {
  state_ = State::kRunning;
  threshold_ = threshold;
  heartbeats_before_.clear();
  for (const auto& node : registry.nodes()) heartbeats_before_.push_back(node.heartbeats);
  moves_before_ = work.moves_arrived();
  bytes_before_ = work.moved_bytes();
}

void BalanceRun::stop() {
  if (running()) state_ = State::kStopped;
}

bool BalanceRun::figures_are_fresh(const NodeRegistry& registry) const {
  return std::all_of(registry.nodes().begin(), registry.nodes().end(), [&](const Node& node) {
    const bool is_new = node.index.value >= heartbeats_before_.size();
    return is_new || !node.takes_blocks() ||
           node.heartbeats >= heartbeats_before_[node.index.value] + kFreshAfter;
  });
}

void BalanceRun::adjust(PlannerOptions& options, const NodeRegistry& registry) const {
  if (!running()) return;
  options.balance = figures_are_fresh(registry);
  // The planner's threshold is a part of the capacity.
  options.balance_threshold = threshold_ * node_balance(registry).mean * kAim;
  options.balance_copies_max = kCopiesMax;
}

bool BalanceRun::follow(const ReplicationPlan& plan, const BlockMap& map, const RepairWork& work,
                        const NodeRegistry& registry) {
  if (!running() || !figures_are_fresh(registry)) return false;
  const bool moves = work.balance_copies() > 0 || !map.needing(Need::kSurplus).empty();
  if (moves) return false;
  if (node_balance(registry).deviation <= threshold_) {
    state_ = State::kReached;
  } else if (plan.no_move_helps) {
    state_ = State::kStuck;
  }
  return !running();
}

}  // namespace minidfs::metadata
