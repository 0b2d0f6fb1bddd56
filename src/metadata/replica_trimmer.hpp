// The planner's half that deletes: surplus, corrupt and stale replicas. Every deletion of a good
// replica leaves as many good ones as are wanted on live, settled nodes. Internal to the planner.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "metadata/planner_round.hpp"

namespace minidfs::metadata {

// Methods that return false have met the bound of the round's deletions.
class ReplicaTrimmer {
 public:
  explicit ReplicaTrimmer(PlannerRound& round) : round_(round) {}

  // Sends unconfirmed deletions again, as long as the block can still do without the replica.
  void repeat();
  bool trim(const BlockView& view);
  // Removes bad replicas of a block that has all its copies.
  bool clean(const BlockView& view);
  // A misplaced block that cannot be moved is still trimmed and cleaned: perhaps a bad replica is
  // what stands in the way on the other rack.
  bool tidy_misplaced(const BlockView& view);
  // Which of the nodes, each with a good copy of the block, would lose it first.
  std::optional<NodeIndex> victim(const BlockView& view, const std::vector<NodeIndex>& good) const {
    return choose_victim(view, good, true);
  }
  // When every node that could take a copy has a bad replica of the block, one of these must go
  // first. The good ones are untouched by that.
  void make_room(const BlockView& view);

 private:
  bool add(const BlockView& view, NodeIndex node);
  bool is_safe(const BlockView& view, NodeIndex node) const;
  std::uint32_t safe_count(const BlockView& view) const;
  std::optional<NodeIndex> choose_victim(const BlockView& view, const std::vector<NodeIndex>& good,
                                         bool safe_ones_too) const;

  PlannerRound& round_;
};

}  // namespace minidfs::metadata
