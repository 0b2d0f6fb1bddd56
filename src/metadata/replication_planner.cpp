#include "metadata/replication_planner.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace minidfs::metadata {
namespace {

constexpr std::size_t kBalancePosition = kNeeds;
constexpr std::size_t kBalanceExaminedMax = 4'096;

// A node as this round sees it.
struct Slot {
  const Node* node = nullptr;
  std::uint32_t out_free = 0;
  std::uint32_t in_free = 0;
  std::uint64_t bytes_in = 0;  // On their way to the node.
  bool is_source = false;
  bool is_target = false;  // But for free streams and space.
  bool is_safe = false;    // Its replicas justify the deletion of others.
  double used_share = 0;
};

bool holds(const BlockView& view, NodeIndex node, bool stale_too) {
  return std::any_of(view.replicas.begin(), view.replicas.end(), [&](const Replica& r) {
    return r.node == node && (stale_too || r.state != ReplicaState::kStale);
  });
}

class Planner {
 public:
  Planner(const PlannerInput& input, Random& random)
      : in_(input), options_(input.options), random_(random) {
    several_racks_ = in_.registry.rack_count() > 1;
    may_delete_ = !in_.safe_mode && in_.registry.all_live_reported();
    for (const Node& node : in_.registry.nodes()) add_slot(node);
    copies_left_ = options_.copies_max - std::min(options_.copies_max, in_.work.copies_in_flight());
  }

  ReplicationPlan run() {
    if (in_.safe_mode) return std::move(plan_);
    for (std::size_t i = 0; i < plan_.resume_at.size(); ++i) {
      plan_.resume_at[i] = in_.work.resume_at(i);
    }
    const bool waiting = awaits_first_report();
    for (const Need need :
         {Need::kOneLeft, Need::kFarBelow, Need::kTwoShort, Need::kOneShort, Need::kMisplaced}) {
      if (waiting && need != Need::kOneLeft) continue;
      examine(need, [&](const BlockView& view) { return plan_copy(view); });
    }
    if (may_delete_) {
      for (const auto& repeat : in_.work.deletes_to_repeat(in_.map, in_.now)) add_delete(repeat);
      examine(Need::kMisplaced, [&](const BlockView& view) { return trim_if_stuck(view); });
      examine(Need::kSurplus, [&](const BlockView& view) { return trim(view); });
      examine(Need::kDirty, [&](const BlockView& view) { return clean(view); });
    }
    if (options_.balance && !waiting && !lacks_copies()) balance();
    return std::move(plan_);
  }

 private:
  void add_slot(const Node& node) {
    const auto streams = in_.work.streams(node.index);
    const bool known = in_.map.node_mode(node.index) == NodeMode::kCounted ||
                       in_.map.node_mode(node.index) == NodeMode::kDraining;
    const bool live = node.state == NodeState::kLive && known;
    const bool settled = node.deaths == 0 || in_.now - node.registered_at >= options_.settle_time;
    Slot slot;
    slot.node = &node;
    slot.out_free = options_.streams_out_max - std::min(options_.streams_out_max, streams.out);
    slot.in_free = options_.streams_in_max - std::min(options_.streams_in_max, streams.in);
    slot.bytes_in = streams.bytes_in;
    slot.is_source = node.state != NodeState::kDead && known;
    slot.is_target = live && settled && node.takes_blocks();
    slot.is_safe = live && settled && in_.map.node_mode(node.index) == NodeMode::kCounted;
    if (node.usage.capacity_bytes > 0) {
      slot.used_share = static_cast<double>(node.usage.used_bytes) /
                        static_cast<double>(node.usage.capacity_bytes);
    }
    if (slot.is_source && slot.out_free > 0) ++sources_open_;
    if (slot.is_target && slot.in_free > 0) ++targets_open_;
    slots_.push_back(slot);
  }

  // Right after the start a block looks short only because a node has not told of it yet.
  bool awaits_first_report() const {
    return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) {
      return s.node->state != NodeState::kDead && !s.node->report_complete && s.node->deaths == 0 &&
             in_.now - s.node->registered_at < options_.report_wait;
    });
  }

  bool lacks_copies() const {
    return !in_.map.needing(Need::kOneLeft).empty() || !in_.map.needing(Need::kFarBelow).empty() ||
           !in_.map.needing(Need::kTwoShort).empty() || !in_.map.needing(Need::kOneShort).empty() ||
           !in_.map.needing(Need::kMisplaced).empty();
  }

  // Calls `handle` for the blocks of that need until it returns false; a round that does not come
  // to the end is continued by the next one.
  template <class Handle>
  void examine(Need need, const Handle& handle) {
    const auto& blocks = in_.map.needing(need);
    BlockId& resume = plan_.resume_at[static_cast<std::size_t>(need)];
    const std::size_t count = std::min(blocks.size(), options_.examined_max);
    auto at = count < blocks.size() ? blocks.lower_bound(resume) : blocks.begin();
    for (std::size_t i = 0; i < count; ++i, ++at) {
      if (at == blocks.end()) at = blocks.begin();
      if (!handle(*in_.map.find(*at))) break;
    }
    resume = at == blocks.end() ? BlockId{} : *at;
  }

  // --- Copies ---

  // False when no further copy is possible in this round.
  bool plan_copy(const BlockView& view) {
    if (copies_left_ == 0 || sources_open_ == 0 || targets_open_ == 0) return false;
    if (in_.work.is_copying(view.block.id)) return true;
    const ReplicaTally tally = in_.map.tally(view);
    const bool move = view.need == Need::kMisplaced;
    const std::uint32_t lacking = move ? 1 : view.wanted - tally.live - tally.away;
    Slot* source = choose_source(view);
    if (source == nullptr) return true;
    CopyTask task{view.block, source->node->index, {}, view.need};
    while (task.targets.size() < lacking) {
      Slot* target = choose_target(view, task.targets, move);
      if (target == nullptr) break;
      take(*target, view.block.length);
      task.targets.push_back(target->node->index);
    }
    if (task.targets.empty()) {
      if (!move && may_delete_) make_room(view);
      return true;
    }
    add_copy(*source, std::move(task));
    return true;
  }

  void take(Slot& target, std::uint64_t bytes) {
    target.bytes_in += bytes;
    if (--target.in_free == 0) --targets_open_;
  }

  void add_copy(Slot& source, CopyTask task) {
    if (--source.out_free == 0) --sources_open_;
    --copies_left_;
    plan_.copies.push_back(std::move(task));
  }

  // The live node with the most free streams; a stale one, or one that failed with this block, only
  // when there is no other.
  Slot* choose_source(const BlockView& view) {
    Slot* best = nullptr;
    std::uint64_t best_rank = 0;
    for (const Replica& replica : view.replicas) {
      if (replica.state != ReplicaState::kGood) continue;
      Slot& slot = slots_[replica.node.value];
      if (!slot.is_source || slot.out_free == 0) continue;
      const bool live = slot.node->state == NodeState::kLive;
      const bool trusted = !in_.work.avoids(view.block.id, replica.node);
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

  // By weight among the nodes of the best class: another rack where one is missing, then a machine
  // without the block. `rack_needed`: nothing but another rack will do.
  Slot* choose_target(const BlockView& view, const std::vector<NodeIndex>& chosen,
                      bool rack_needed) {
    constexpr std::size_t kClasses = 8;
    const Spread spread = spread_of(view, chosen);
    std::array<std::uint64_t, kClasses> sums{};
    candidates_.clear();
    for (Slot& slot : slots_) {
      if (!slot.is_target || slot.in_free == 0) continue;
      if (holds(view, slot.node->index, false) || spread.has(slot.node->index)) continue;
      if (in_.work.avoids(view.block.id, slot.node->index)) continue;
      const std::uint64_t weight =
          placement_weight(*slot.node, view.block.length + slot.bytes_in, options_.placement);
      if (weight == 0) continue;
      const bool rack_fits = !spread.on_one_rack || slot.node->rack_index != spread.rack;
      if (rack_needed && !rack_fits) continue;
      // A deletion that is still on its way there might take the new copy for the old one.
      const bool risky = in_.work.delete_sent(slot.node->index, view.block.id);
      const std::size_t rank =
          (risky ? 4U : 0U) + (rack_fits ? 0U : 2U) + (spread.has_host(*slot.node) ? 1U : 0U);
      candidates_.push_back({&slot, weight, rank});
      sums[rank] += weight;
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
      if (in_.map.node_mode(replica.node) != NodeMode::kCounted) continue;
      spread.nodes.push_back(slots_[replica.node.value].node);
    }
    for (const NodeIndex target : chosen) spread.nodes.push_back(slots_[target.value].node);
    if (spread.nodes.empty() || !several_racks_) return spread;
    spread.rack = spread.nodes[0]->rack_index;
    spread.on_one_rack = std::all_of(spread.nodes.begin(), spread.nodes.end(),
                                     [&](const Node* n) { return n->rack_index == spread.rack; });
    return spread;
  }

  // When every node that could take a copy has a bad replica of the block, one of these must go
  // first. The good ones are untouched by that.
  void make_room(const BlockView& view) {
    for (const Slot& slot : slots_) {
      if (!slot.is_target || holds(view, slot.node->index, false)) continue;
      if (placement_weight(*slot.node, view.block.length, options_.placement) > 0) return;
    }
    for (const Replica& replica : view.replicas) {
      if (replica.state == ReplicaState::kDeleting) return;  // Room is being made already.
    }
    for (const Replica& replica : view.replicas) {
      if (replica.state != ReplicaState::kCorrupt) continue;
      if (!slots_[replica.node.value].is_target) continue;
      add_delete(command_for(view, replica.node));
      return;
    }
  }

  // --- Deletions ---

  bool add_delete(const ReplicaDelete& command) {
    if (plan_.deletes.size() >= options_.deletes_max) return false;
    plan_.deletes.push_back(command);
    return true;
  }

  ReplicaDelete command_for(const BlockView& view, NodeIndex node) const {
    return {view.block.id, in_.map.replica_generation(node, view.block.id), node};
  }

  // Good replicas on live, settled nodes that no deletion may still be under way to.
  std::uint32_t safe_count(const BlockView& view) const {
    std::uint32_t count = 0;
    for (const Replica& replica : view.replicas) {
      if (replica.state == ReplicaState::kGood && is_safe(view, replica.node)) ++count;
    }
    return count;
  }

  bool is_safe(const BlockView& view, NodeIndex node) const {
    return slots_[node.value].is_safe && !in_.work.delete_sent(node, view.block.id);
  }

  bool trim_if_stuck(const BlockView& view) {
    if (in_.map.tally(view).live <= view.wanted) return true;
    const bool begun = std::any_of(plan_.copies.begin(), plan_.copies.end(),
                                   [&](const auto& c) { return c.block.id == view.block.id; });
    return begun || trim(view);
  }

  bool trim(const BlockView& view) {
    if (plan_.deletes.size() >= options_.deletes_max) return false;
    if (in_.work.is_copying(view.block.id)) return true;
    std::vector<NodeIndex> good;
    for (const Replica& replica : view.replicas) {
      const bool counted = in_.map.node_mode(replica.node) == NodeMode::kCounted;
      if (replica.state == ReplicaState::kGood && counted) good.push_back(replica.node);
    }
    std::uint32_t safe = safe_count(view);
    while (good.size() > view.wanted && safe >= view.wanted) {
      const auto victim = choose_victim(view, good, safe > view.wanted);
      if (!victim) break;
      if (is_safe(view, *victim)) --safe;
      std::erase(good, *victim);
      if (!add_delete(command_for(view, *victim))) return false;
    }
    return true;
  }

  // First a replica whose deletion was sent before, then one on a node that comes and goes, then
  // one whose rack has another, then that of the fullest node.
  std::optional<NodeIndex> choose_victim(const BlockView& view, const std::vector<NodeIndex>& good,
                                         bool safe_ones_too) const {
    std::optional<NodeIndex> best;
    std::array<double, 4> best_rank{};
    for (const NodeIndex node : good) {
      const Slot& slot = slots_[node.value];
      const bool safe = is_safe(view, node);
      if (slot.node->state != NodeState::kLive || (safe && !safe_ones_too)) continue;
      const auto on_rack = std::count_if(good.begin(), good.end(), [&](NodeIndex n) {
        return slots_[n.value].node->rack_index == slot.node->rack_index;
      });
      const std::array<double, 4> rank{in_.work.delete_sent(node, view.block.id) ? 1.0 : 0.0,
                                       safe ? 0.0 : 1.0, static_cast<double>(on_rack),
                                       slot.used_share};
      if (!best || rank > best_rank) {
        best = node;
        best_rank = rank;
      }
    }
    return best;
  }

  // Bad replicas of a block that has all its copies.
  bool clean(const BlockView& view) {
    if (safe_count(view) < view.wanted) return true;
    for (const Replica& replica : view.replicas) {
      const bool bad =
          replica.state == ReplicaState::kCorrupt || replica.state == ReplicaState::kStale;
      if (!bad || slots_[replica.node.value].node->state != NodeState::kLive) continue;
      if (!add_delete(command_for(view, replica.node))) return false;
    }
    return true;
  }

  // --- Balance ---

  // Copies blocks from the fullest node to emptier ones; the surplus is then trimmed where it is
  // fullest.
  void balance() {
    const std::size_t running = in_.work.balance_copies();
    if (running >= options_.balance_copies_max || !in_.map.needing(Need::kSurplus).empty()) return;
    double sum = 0;
    std::size_t count = 0;
    Slot* fullest = nullptr;
    for (Slot& slot : slots_) {
      if (!slot.is_target || slot.node->usage.capacity_bytes == 0) continue;
      sum += slot.used_share;
      ++count;
      if (fullest == nullptr || slot.used_share > fullest->used_share) fullest = &slot;
    }
    if (count < 2) return;
    const double mean = sum / static_cast<double>(count);
    const bool empty_one = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) {
      return s.is_target && s.used_share < mean - options_.balance_threshold;
    });
    if (fullest->used_share <= mean + options_.balance_threshold && !empty_one) return;
    move_from(*fullest, mean, options_.balance_copies_max - running);
  }

  void move_from(Slot& full, double mean, std::size_t moves) {
    BlockId& at = plan_.resume_at[kBalancePosition];
    for (std::size_t i = 0; i < kBalanceExaminedMax && moves > 0; ++i) {
      if (full.out_free == 0 || copies_left_ == 0) return;
      const auto view = in_.map.next(at);
      if (!view) {
        at = BlockId{};
        return;
      }
      at = BlockId{view->block.id.value + 1};
      if (!view->owned || view->need != Need::kNone || !has_good(*view, full.node->index)) continue;
      if (in_.work.is_copying(view->block.id)) continue;
      Slot* target = emptier_target(*view, full, mean);
      if (target == nullptr) continue;
      take(*target, view->block.length);
      add_copy(full, {view->block, full.node->index, {target->node->index}, Need::kNone});
      --moves;
    }
  }

  static bool has_good(const BlockView& view, NodeIndex node) {
    return std::any_of(view.replicas.begin(), view.replicas.end(), [&](const Replica& r) {
      return r.node == node && r.state == ReplicaState::kGood;
    });
  }

  // The emptiest node below the mean that may have the block without the replicas of it coming to
  // stand on one rack.
  Slot* emptier_target(const BlockView& view, const Slot& full, double mean) {
    Slot* best = nullptr;
    for (Slot& slot : slots_) {
      const Node& node = *slot.node;
      if (!slot.is_target || slot.in_free == 0 || slot.used_share >= mean) continue;
      if (holds(view, node.index, true) || in_.work.avoids(view.block.id, node.index)) continue;
      const std::uint64_t bytes = view.block.length + slot.bytes_in;
      if (placement_weight(node, bytes, options_.placement) == 0) continue;
      const bool spread =
          !several_racks_ || view.wanted < 2 || node.rack_index == full.node->rack_index ||
          std::any_of(view.replicas.begin(), view.replicas.end(), [&](const Replica& r) {
            return r.node != full.node->index && r.state == ReplicaState::kGood &&
                   slots_[r.node.value].node->rack_index != node.rack_index;
          });
      if (spread && (best == nullptr || slot.used_share < best->used_share)) best = &slot;
    }
    return best;
  }

  struct Candidate {
    Slot* slot;
    std::uint64_t weight;
    std::size_t rank;
  };

  const PlannerInput& in_;
  const PlannerOptions& options_;
  Random& random_;
  ReplicationPlan plan_;
  std::vector<Slot> slots_;  // By node index.
  std::vector<Candidate> candidates_;
  std::size_t copies_left_ = 0;
  std::size_t sources_open_ = 0;
  std::size_t targets_open_ = 0;
  bool several_racks_ = false;
  bool may_delete_ = false;
};

}  // namespace

ReplicationPlan plan_replication(const PlannerInput& input, Random& random) {
  return Planner(input, random).run();
}

std::uint64_t draining_blocks_left(const BlockMap& map, NodeIndex node) {
  std::uint64_t left = 0;
  for (const Need need : {Need::kOneLeft, Need::kFarBelow, Need::kTwoShort, Need::kOneShort}) {
    for (const BlockId block : map.needing(need)) {
      const auto view = map.find(block);
      left += std::any_of(view->replicas.begin(), view->replicas.end(), [&](const Replica& r) {
        return r.node == node && r.state == ReplicaState::kGood;
      });
    }
  }
  return left;
}

}  // namespace minidfs::metadata
