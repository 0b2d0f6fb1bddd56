// The part of BlockManager that operators talk to: decommissioning, maintenance, balance, checks.
#include <algorithm>
#include <array>
#include <map>
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

void BlockManager::set_admin(const metadata::NodeAdmin& decision, TimePoint until, TimePoint now) {
  const bool over = decision.admin == AdminState::kMaintenance && until <= now;
  if (decision.admin == AdminState::kInService || over) {
    admins_.erase(decision.node);
  } else {
    admins_[decision.node] = {decision.admin, until};
  }
  if (const auto* node = registry_.find(decision.node)) apply_admin(node->index, now);
}

void BlockManager::forget_admins(TimePoint now) {
  admins_.clear();
  for (const auto& node : registry_.nodes()) apply_admin(node.index, now);
}

Status BlockManager::check_forget(NodeId id) const {
  const auto* node = registry_.find(id);
  if (node == nullptr || node->forgotten) {
    if (admins_.contains(id)) return {};
    return Error{Errc::kNotFound, "datanode " + to_string(id) + ": nothing is known of it"};
  }
  if (node->state == NodeState::kDead) return {};
  return Error{Errc::kInUse, to_string(node->data) +
                                 ": is not dead; decommission it, and stop it, before it is "
                                 "forgotten"};
}

// One that has registered meanwhile stays.
void BlockManager::forget(NodeId id) {
  admins_.erase(id);
  const auto* node = registry_.find(id);
  if (node == nullptr || node->state != NodeState::kDead || node->forgotten) return;
  log_info("namenode", "datanode {} ({}) is forgotten", to_string(node->data), to_string(id));
  const auto event = registry_.forget(node->index);
  node_events({&event, 1});
}

// They have no address: only what was decided about them is known.
void BlockManager::add_absent_nodes(StatusReply& reply, TimePoint now) const {
  const std::map<NodeId, Decision> decisions(admins_.begin(), admins_.end());
  for (const auto& [id, decision] : decisions) {
    const auto* node = registry_.find(id);
    if (node != nullptr && !node->forgotten) continue;
    NodeReport report;
    report.node = id;
    report.state = "absent";
    report.admin = to_string(decision.admin);
    if (decision.admin == AdminState::kMaintenance) {
      report.maintenance_left_ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(decision.until - now).count();
    }
    reply.nodes.push_back(std::move(report));
  }
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
    if (map_.is_sweeping() || map_.draining_blocks(node->index) > 0) continue;
    if (const auto event = registry_.set_admin(node->index, AdminState::kDecommissioned)) {
      log_info("namenode",
               "datanode {} is decommissioned: every block of it has its copies "
               "elsewhere",
               to_string(node->data));
      node_events({&*event, 1});
    }
  }
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

std::string BlockManager::reports_outstanding(TimePoint now) const {
  if (is_behind()) return {};
  std::size_t live = 0;
  std::size_t reported = 0;
  for (const auto& node : registry_.nodes()) {
    if (node.state != NodeState::kLive) continue;
    ++live;
    reported += node.report_complete ? 1 : 0;
  }
  if (reported < live) {
    return std::to_string(live - reported) + " of " + std::to_string(live) +
           " live datanodes have not reported yet to the namenode since it began to lead";
  }
  const bool awaits = safe_mode_.on() && !safe_mode_.manual();
  return awaits && now - started_ < options_.gather ? safe_mode_.reason() : std::string();
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
