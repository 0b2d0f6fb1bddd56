#include "metadata/replication_planner.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "metadata/planner_round.hpp"
#include "metadata/replica_balancer.hpp"
#include "metadata/replica_trimmer.hpp"

namespace minidfs::metadata {
namespace {

constexpr int kDraws = 8;

class Planner {
 public:
  Planner(const PlannerInput& input, Random& random)
      : round_(input), trimmer_(round_), random_(random) {}

  ReplicationPlan run() {
    if (round_.in.safe_mode) return {};
    const bool waiting = awaits_first_report();
    for (const Need need :
         {Need::kOneLeft, Need::kFarBelow, Need::kTwoShort, Need::kOneShort, Need::kMisplaced}) {
      if (waiting && need != Need::kOneLeft) continue;
      examine(need, [&](const BlockView& view) { return plan_copy(view); });
    }
    if (round_.may_delete) plan_deletes();
    if (round_.options.balance && !waiting && !repairs()) ReplicaBalancer(round_, trimmer_).run();
    return std::move(round_.plan);
  }

 private:
  void plan_deletes() {
    trimmer_.repeat();
    // The misplaced ones that were just looked at; where to go on is decided by their copies.
    const BlockId resume = resume_of(Need::kMisplaced);
    resume_of(Need::kMisplaced) = round_.in.work.resume_at(position(Need::kMisplaced));
    examine(Need::kMisplaced, [&](const BlockView& v) { return trimmer_.tidy_misplaced(v); });
    resume_of(Need::kMisplaced) = resume;
    examine(Need::kSurplus, [&](const BlockView& v) { return trimmer_.trim(v); });
    examine(Need::kDirty, [&](const BlockView& v) { return trimmer_.clean(v); });
  }

  static std::size_t position(Need need) { return static_cast<std::size_t>(need); }
  BlockId& resume_of(Need need) { return round_.plan.resume_at[position(need)]; }

  // Right after the start a block looks short only because a node has not told of it yet.
  bool awaits_first_report() const {
    return std::any_of(round_.slots.begin(), round_.slots.end(), [&](const PlannerSlot& s) {
      return s.node->state != NodeState::kDead && !s.node->report_complete && s.node->deaths == 0 &&
             round_.in.now - s.node->registered_at < round_.options.report_wait;
    });
  }

  // Repair comes first. Blocks that nothing can be done for at the moment keep nobody waiting.
  bool repairs() const {
    return !round_.plan.copies.empty() ||
           round_.in.work.copies_in_flight() > round_.in.work.balance_copies();
  }

  // Calls `handle` for the blocks of that need until it returns false; a round that does not come
  // to the end is continued by the next one.
  template <class Handle>
  void examine(Need need, const Handle& handle) {
    const auto& blocks = round_.in.map.needing(need);
    BlockId& resume = resume_of(need);
    const std::size_t count = std::min(blocks.size(), round_.options.examined_max);
    auto at = count < blocks.size() ? blocks.lower_bound(resume) : blocks.begin();
    for (std::size_t i = 0; i < count; ++i, ++at) {
      if (at == blocks.end()) at = blocks.begin();
      if (!handle(*round_.in.map.find(*at))) break;
    }
    resume = at == blocks.end() ? BlockId{} : *at;
  }

  // --- Copies ---

  // False when no further copy is possible in this round.
  bool plan_copy(const BlockView& view) {
    if (round_.copies_left == 0 || round_.sources_open == 0 || round_.targets_open == 0)
      return false;
    if (round_.in.work.is_copying(view.block.id)) return true;
    const ReplicaTally tally = round_.in.map.tally(view);
    const bool move = view.need == Need::kMisplaced;
    const std::uint32_t lacking = move ? 1 : view.wanted - tally.live - tally.away;
    PlannerSlot* source = choose_source(view);
    if (source == nullptr) return true;
    CopyTask task{view.block, source->node->index, {}, view.need};
    while (task.targets.size() < lacking) {
      PlannerSlot* target = choose_target(view, task.targets, move);
      if (target == nullptr) break;
      round_.take(*target, view.block.length);
      task.targets.push_back(target->node->index);
    }
    if (task.targets.empty()) {
      if (!move && round_.may_delete) trimmer_.make_room(view);
      return true;
    }
    round_.add_copy(*source, std::move(task));
    return true;
  }

  // The live node with the most free streams; a stale one, or one that failed with this block, only
  // when there is no other.
  PlannerSlot* choose_source(const BlockView& view) {
    PlannerSlot* best = nullptr;
    std::uint64_t best_rank = 0;
    for (const Replica& replica : view.replicas) {
      if (replica.state != ReplicaState::kGood) continue;
      PlannerSlot& slot = round_.slots[replica.node.value];
      if (!slot.is_source || slot.out_free == 0) continue;
      const bool live = slot.node->state == NodeState::kLive;
      const bool trusted = !round_.in.work.avoids(view.block.id, replica.node);
      const std::uint64_t rank = (std::uint64_t{live} << 62) | (std::uint64_t{trusted} << 61) |
                                 (std::uint64_t{slot.out_free} << 16) |
                                 random_below(random_, 1U << 16);
      if (best == nullptr || rank > best_rank) {
        best = &slot;
        best_rank = rank;
      }
    }
    return best;
  }

  // Where the block's good replicas are, with the targets chosen so far.
  struct Spread {
    absl::InlinedVector<const Node*, 8> nodes;
    RackIndex rack;
    bool on_one_rack = false;  // And there are others.

    bool has(NodeIndex index) const {
      return std::any_of(nodes.begin(), nodes.end(), [&](auto* n) { return n->index == index; });
    }
    bool has_host(const Node& node) const {
      return std::any_of(nodes.begin(), nodes.end(), [&](auto* n) { return n->host == node.host; });
    }
  };

  Spread spread_of(const BlockView& view, const std::vector<NodeIndex>& chosen) const {
    Spread spread;
    for (const Replica& replica : view.replicas) {
      if (replica.state != ReplicaState::kGood) continue;
      if (round_.in.map.node_mode(replica.node) != NodeMode::kCounted) continue;
      spread.nodes.push_back(round_.slots[replica.node.value].node);
    }
    for (const NodeIndex target : chosen) spread.nodes.push_back(round_.slots[target.value].node);
    if (spread.nodes.empty() || !round_.several_racks) return spread;
    spread.rack = spread.nodes[0]->rack_index;
    spread.on_one_rack = std::all_of(spread.nodes.begin(), spread.nodes.end(),
                                     [&](const Node* n) { return n->rack_index == spread.rack; });
    return spread;
  }

  // Most of the time a node drawn by weight will do at once, which keeps large rounds short.
  PlannerSlot* draw_target(const BlockView& view, const Spread& spread) {
    if (draw_sums_.empty()) {
      std::uint64_t sum = 0;
      for (const PlannerSlot& slot : round_.slots) {
        sum += slot.is_target
                   ? placement_weight(*slot.node, slot.bytes_in, round_.options.placement)
                   : 0;
        draw_sums_.push_back(sum);
      }
    }
    if (draw_sums_.empty() || draw_sums_.back() == 0) return nullptr;
    for (int i = 0; i < kDraws; ++i) {
      const std::uint64_t at = random_below(random_, draw_sums_.back());
      const auto drawn = std::upper_bound(draw_sums_.begin(), draw_sums_.end(), at);
      PlannerSlot& slot = round_.slots[static_cast<std::size_t>(drawn - draw_sums_.begin())];
      const auto fit = fit_of(slot, view, spread);
      if (fit.weight > 0 && fit.rank == 0) return &slot;
    }
    return nullptr;
  }

  // How well a node suits as target: weight 0 not at all, else the lower rank the better.
  struct Fit {
    std::uint64_t weight = 0;
    std::size_t rank = 0;
    bool avoided = false;
    bool risky = false;
    bool rack_fits = true;
  };

  Fit fit_of(const PlannerSlot& slot, const BlockView& view, const Spread& spread) const {
    const NodeIndex node = slot.node->index;
    if (!slot.is_target || slot.in_free == 0) return {};
    if (holds(view, node, false) || spread.has(node)) return {};
    if (round_.in.work.bars(view.block.id, node, round_.in.now)) return {};
    Fit fit;
    fit.avoided = round_.in.work.avoids(view.block.id, node);
    fit.weight =
        placement_weight(*slot.node, view.block.length + slot.bytes_in, round_.options.placement);
    fit.rack_fits = !spread.on_one_rack || slot.node->rack_index != spread.rack;
    // A deletion that is still on its way there might take the new copy for the old one.
    fit.risky = round_.in.work.delete_sent(node, view.block.id);
    fit.rank = (fit.avoided ? 8U : 0U) + (fit.risky ? 4U : 0U) + (fit.rack_fits ? 0U : 2U) +
               (spread.has_host(*slot.node) ? 1U : 0U);
    return fit;
  }

  // By weight among the nodes of the best class: another rack where one is missing, then a machine
  // without the block. `rack_needed`: nothing but another rack will do.
  PlannerSlot* choose_target(const BlockView& view, const std::vector<NodeIndex>& chosen,
                             bool rack_needed) {
    constexpr std::size_t kClasses = 16;
    const Spread spread = spread_of(view, chosen);
    std::array<std::uint64_t, kClasses> sums{};
    if (PlannerSlot* drawn = draw_target(view, spread)) return drawn;
    candidates_.clear();
    for (PlannerSlot& slot : round_.slots) {
      const Fit fit = fit_of(slot, view, spread);
      // A move can wait until no deletion is under way; else its copy would be trimmed first, for
      // ever.
      if (fit.weight == 0 || (rack_needed && (fit.avoided || fit.risky || !fit.rack_fits)))
        continue;
      candidates_.push_back({&slot, fit.weight, fit.rank});
      sums[fit.rank] += fit.weight;
    }
    const auto* best = std::find_if(sums.begin(), sums.end(), [](auto sum) { return sum > 0; });
    if (best == sums.end()) return nullptr;
    std::uint64_t at = random_below(random_, *best);
    for (const Candidate& candidate : candidates_) {
      if (candidate.rank != static_cast<std::size_t>(best - sums.begin())) continue;
      if (at < candidate.weight) return candidate.slot;
      at -= candidate.weight;
    }
    return nullptr;
  }

  struct Candidate {
    PlannerSlot* slot;
    std::uint64_t weight;
    std::size_t rank;
  };

  PlannerRound round_;
  ReplicaTrimmer trimmer_;
  Random& random_;
  std::vector<Candidate> candidates_;
  std::vector<std::uint64_t> draw_sums_;  // Of weights up to each slot, as the round began.
};

}  // namespace

ReplicationPlan plan_replication(const PlannerInput& input, Random& random) {
  return Planner(input, random).run();
}

}  // namespace minidfs::metadata
