// The planner's part that moves blocks from full nodes to emptier ones: a copy to the target, after
// which the trimmer takes the surplus where it is fullest. Internal to the planner.
//
// A move counts at once at both ends, none brings its target above the mean or its nodes farther
// from each other than they were, so that every sequence of moves comes to an end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "metadata/planner_round.hpp"
#include "metadata/replica_trimmer.hpp"

namespace minidfs::metadata {

class ReplicaBalancer {
 public:
  ReplicaBalancer(PlannerRound& round, const ReplicaTrimmer& trimmer)
      : round_(round), trimmer_(trimmer) {}

  // Adds moves to the plan, unless deletions cannot follow them or earlier ones are not trimmed
  // yet.
  void run();

 private:
  enum class Found : std::uint8_t { kNothing, kLater, kMove };

  bool needs_balance();
  void pass(std::size_t moves_max);
  Found consider(const BlockView& view);
  Found try_target(const BlockView& view, PlannerSlot& target);
  bool may_take(const BlockView& view, const PlannerSlot& target) const;
  bool helps(const PlannerSlot& from, const PlannerSlot& to, std::uint64_t bytes) const;
  bool keeps_racks(const BlockView& view, const PlannerSlot& from, const PlannerSlot& to) const;
  void sort();

  PlannerRound& round_;
  const ReplicaTrimmer& trimmer_;
  double mean_ = 0;
  std::vector<PlannerSlot*> slots_;  // Those that take blocks, the emptiest first.
  std::size_t effort_ = 0;           // Targets looked at.
};

}  // namespace minidfs::metadata
