#include "metadata/replica_balancer.hpp"

#include <algorithm>

namespace minidfs::metadata {
namespace {

constexpr std::size_t kPosition = kNeeds;  // In ReplicationPlan::resume_at.
// Of one round: blocks, and nodes looked at for them.
constexpr std::size_t kExaminedMax = 4'096;
constexpr std::size_t kEffortMax = 65'536;

double share_of(std::uint64_t bytes, const PlannerSlot& slot) {
  return static_cast<double>(bytes) / static_cast<double>(slot.node->usage.capacity_bytes);
}

}  // namespace

void ReplicaBalancer::run() {
  const std::size_t running = round_.in.work.balance_copies();
  if (!round_.may_delete || running >= round_.options.balance_copies_max) return;
  if (!round_.in.map.needing(Need::kSurplus).empty() || !needs_balance()) return;
  pass(round_.options.balance_copies_max - running);
}

bool ReplicaBalancer::needs_balance() {
  for (PlannerSlot& slot : round_.slots) {
    if (slot.is_target && slot.node->usage.capacity_bytes > 0) slots_.push_back(&slot);
  }
  if (slots_.size() < 2) return false;
  for (const PlannerSlot* slot : slots_) mean_ += slot->used_share;
  mean_ /= static_cast<double>(slots_.size());
  sort();
  const double threshold = round_.options.balance_threshold;
  return slots_.back()->used_share > mean_ + threshold ||
         slots_.front()->used_share < mean_ - threshold;
}

void ReplicaBalancer::sort() {
  std::stable_sort(slots_.begin(), slots_.end(),
                   [](const auto* a, const auto* b) { return a->used_share < b->used_share; });
}

void ReplicaBalancer::pass(std::size_t moves_max) {
  BlockId& at = round_.plan.resume_at[kPosition];
  bool& found = round_.plan.balance_found;
  std::size_t moves = 0;
  for (std::size_t i = 0; i < kExaminedMax && effort_ < kEffortMax; ++i) {
    if (moves == moves_max || round_.copies_left == 0) return;
    const auto view = round_.in.map.next(at);
    if (!view) {
      at = BlockId{};
      round_.plan.no_move_helps = !found && round_.in.work.balance_copies() == 0;
      found = false;
      return;
    }
    at = BlockId{view->block.id.value + 1};
    const Found result = consider(*view);
    found = found || result != Found::kNothing;
    if (result == Found::kMove) ++moves;
  }
}

ReplicaBalancer::Found ReplicaBalancer::consider(const BlockView& view) {
  if (!view.owned || view.need != Need::kNone) return Found::kNothing;
  const bool on_full_one =
      std::any_of(view.replicas.begin(), view.replicas.end(), [&](const Replica& replica) {
        return replica.state == ReplicaState::kGood &&
               round_.slots[replica.node.value].used_share > mean_;
      });
  if (!on_full_one) return Found::kNothing;
  if (round_.in.work.is_copying(view.block.id)) return Found::kLater;
  bool later = false;
  for (PlannerSlot* target : slots_) {
    if (target->used_share >= mean_ || ++effort_ > kEffortMax) break;
    const Found result = try_target(view, *target);
    if (result == Found::kMove) {
      sort();
      return result;
    }
    later = later || result == Found::kLater;
  }
  return later ? Found::kLater : Found::kNothing;
}

ReplicaBalancer::Found ReplicaBalancer::try_target(const BlockView& view, PlannerSlot& target) {
  if (!may_take(view, target)) return Found::kNothing;
  std::vector<NodeIndex> good;
  for (const Replica& replica : view.replicas) {
    const bool counted = round_.in.map.node_mode(replica.node) == NodeMode::kCounted;
    if (replica.state == ReplicaState::kGood && counted) good.push_back(replica.node);
  }
  good.push_back(target.node->index);
  const auto loser = trimmer_.victim(view, good);
  if (!loser || *loser == target.node->index) return Found::kNothing;
  PlannerSlot& from = round_.slots[loser->value];
  const std::uint64_t bytes = view.block.length;
  if (!helps(from, target, bytes) || !keeps_racks(view, from, target)) return Found::kNothing;
  if (!from.is_source || from.out_free == 0 || target.in_free == 0) return Found::kLater;
  from.used_share -= share_of(bytes, from);
  target.used_share += share_of(bytes, target);
  round_.take(target, bytes);
  round_.add_copy(from, {view.block, *loser, {target.node->index}, Need::kNone});
  return Found::kMove;
}

bool ReplicaBalancer::may_take(const BlockView& view, const PlannerSlot& target) const {
  const NodeIndex node = target.node->index;
  return !holds(view, node, true) && !round_.in.work.avoids(view.block.id, node) &&
         !round_.in.work.delete_sent(node, view.block.id) &&
         placement_weight(*target.node, view.block.length + target.bytes_in,
                          round_.options.placement) > 0;
}

// One end lies outside the threshold, the target does not rise above the mean, and the sum of
// used * used / capacity falls, which bounds the number of moves.
bool ReplicaBalancer::helps(const PlannerSlot& from, const PlannerSlot& to,
                            std::uint64_t bytes) const {
  if (from.node->usage.capacity_bytes == 0 || from.used_share <= mean_) return false;
  const double threshold = round_.options.balance_threshold;
  if (from.used_share <= mean_ + threshold && to.used_share >= mean_ - threshold) return false;
  const double rise = share_of(bytes, to);
  return to.used_share + rise <= mean_ &&
         2 * (from.used_share - to.used_share) > rise + share_of(bytes, from);
}

// The replicas do not come to stand on one rack.
bool ReplicaBalancer::keeps_racks(const BlockView& view, const PlannerSlot& from,
                                  const PlannerSlot& to) const {
  if (!round_.several_racks || view.wanted < 2) return true;
  if (from.node->rack_index == to.node->rack_index) return true;
  return std::any_of(view.replicas.begin(), view.replicas.end(), [&](const Replica& replica) {
    return replica.node != from.node->index && replica.state == ReplicaState::kGood &&
           round_.slots[replica.node.value].node->rack_index != to.node->rack_index;
  });
}

}  // namespace minidfs::metadata
