// The part of BlockManager that operators talk to: decommissioning, maintenance, balance, checks.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "actors/block_manager.hpp"
#include "base/logging.hpp"
#include "metadata/node_effects.hpp"

namespace minidfs::actors {
namespace {

using metadata::AdminState;
using metadata::Need;
using metadata::NodeIndex;
using metadata::NodeState;

// Copies of an explicit balance at a time.
constexpr std::size_t kBalanceCopies = 128;
constexpr std::chrono::seconds kRateWindow{3};

constexpr std::array kProblems{Need::kOneLeft,  Need::kFarBelow, Need::kTwoShort,
                               Need::kOneShort, Need::kDirty,    Need::kMissing};

BlockProblem describe(const metadata::BlockMap& map, const metadata::BlockView& view) {
  const auto tally = map.tally(view);
  BlockProblem problem;
  problem.block = view.block;
  problem.wanted = view.wanted;
  problem.readable = tally.readable();
  problem.live = tally.live;
  problem.corrupt = tally.corrupt;
  return problem;
}

}  // namespace

NodeBalance node_balance(const metadata::NodeRegistry& registry) {
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

void BlockManager::set_admin(const metadata::NodeAdmin& decision, TimePoint until, TimePoint now) {
  if (decision.admin == AdminState::kInService) {
    admins_.erase(decision.node);
  } else {
    admins_[decision.node] = {decision.admin, until};
  }
  if (const auto* node = registry_.find(decision.node)) apply_admin(node->index, now);
}

// Brings the registry in line with what was decided; maintenance that is over counts as nothing.
void BlockManager::apply_admin(NodeIndex index, TimePoint now) {
  const auto& node = registry_.get(index);
  Decision wanted;
  if (const auto found = admins_.find(node.id); found != admins_.end()) wanted = found->second;
  if (wanted.admin == AdminState::kMaintenance && wanted.until <= now) wanted = {};
  const bool done_already =
      wanted.admin == AdminState::kDecommissioning && node.admin == AdminState::kDecommissioned;
  if (done_already) return;
  if (const auto event = registry_.set_admin(index, wanted.admin, wanted.until)) {
    log_info("namenode", "datanode {} is {} (was {})", to_string(node.data),
             metadata::to_string(event->admin_to), metadata::to_string(event->admin_from));
    node_events({&*event, 1});
  }
}

// A decommission has come to its end when every block of the node has its copies elsewhere, which
// is known only when all nodes have told what they have.
void BlockManager::end_decommissions() {
  if (admins_.empty() || safe_mode_.on() || !registry_.all_live_reported()) return;
  for (const auto& [id, decision] : admins_) {
    const auto* node = registry_.find(id);
    if (node == nullptr || node->admin != AdminState::kDecommissioning) continue;
    if (node->state == NodeState::kDead) continue;
    if (metadata::has_draining_blocks(map_, node->index)) continue;
    if (const auto event = registry_.set_admin(node->index, AdminState::kDecommissioned)) {
      log_info("namenode",
               "datanode {} is decommissioned: every block of it has its copies "
               "elsewhere",
               to_string(node->data));
      node_events({&*event, 1});
    }
  }
}

Status BlockManager::balance(const BalanceRequest& request) {
  if (request.on && !(request.threshold > 0 && request.threshold <= 1)) {
    return Error{Errc::kInvalidArgument, "balance threshold " + std::to_string(request.threshold) +
                                             ", which is not above 0 and at most 1"};
  }
  balance_threshold_ = request.on ? std::optional(request.threshold) : std::nullopt;
  return {};
}

metadata::PlannerOptions BlockManager::planner_options() {
  auto options = options_.repair;
  if (!balance_threshold_) return options;
  const auto balance = node_balance(registry_);
  if (balance.deviation <= *balance_threshold_) {
    log_info("namenode", "balanced: no datanode is farther than {:.1f} % from the mean",
             balance.deviation * 100);
    balance_threshold_.reset();
    return options;
  }
  options.balance = true;
  // The planner's threshold is a part of the capacity. A little less, as blocks are not sand.
  options.balance_threshold = *balance_threshold_ * balance.mean * 0.8;
  options.balance_copies_max = kBalanceCopies;
  return options;
}

void BlockManager::measure_repair(TimePoint now) {
  const auto arrived = repair_work_.copies_arrived();
  if (now - repair_rate_.since < kRateWindow) return;
  const std::chrono::duration<double> passed = now - repair_rate_.since;
  repair_rate_.per_second = static_cast<double>(arrived - repair_rate_.arrived) / passed.count();
  repair_rate_.since = now;
  repair_rate_.arrived = arrived;
}

bool BlockManager::knows_too_little(std::uint64_t total_blocks) const {
  const auto counts = map_.counts(total_blocks);
  return counts.missing > counts.missing_known;
}

std::vector<BlockProblem> BlockManager::problems(BlockId first, BlockId last,
                                                 std::span<const metadata::OwnedBlock> owned,
                                                 std::size_t limit) const {
  std::vector<BlockProblem> found;
  for (const Need need : kProblems) {
    const auto& blocks = map_.needing(need);
    std::size_t taken = 0;
    for (auto at = blocks.lower_bound(first); at != blocks.end() && *at <= last && taken < limit;
         ++at, ++taken) {
      const auto view = map_.find(*at);
      if (view && view->owned) found.push_back(describe(map_, *view));
    }
  }
  for (const auto& block : owned) {
    if (map_.is_owned(block.block.id)) continue;
    BlockProblem problem;
    problem.block = block.block;
    problem.wanted = block.wanted;
    found.push_back(std::move(problem));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.block.id < b.block.id; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace minidfs::actors
