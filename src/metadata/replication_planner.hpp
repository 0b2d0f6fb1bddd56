// Which copies and deletions come next? Repair, rack moves, decommissioning, trimming and balancing
// are all the output of this one pure function. Its time goes with what is to be done, not with the
// number of blocks.
#pragma once

#include <chrono>
#include <cstdint>

#include "metadata/block_map.hpp"
#include "metadata/block_types.hpp"
#include "metadata/node_registry.hpp"
#include "metadata/placement.hpp"
#include "metadata/repair_work.hpp"

namespace minidfs::metadata {

struct PlannerOptions {
  std::uint32_t streams_out_max = 4;  // Copies that one node sends at a time.
  std::uint32_t streams_in_max = 4;   // Copies that one node receives at a time.
  // Beyond this no further copy from or to a node begins, however few there are.
  std::uint64_t stream_bytes_max = UINT64_MAX;
  std::size_t copies_max = 1'000;     // In flight in the whole cluster.
  std::size_t deletes_max = 4'096;    // Begun in one round.
  std::size_t examined_max = 50'000;  // Blocks of one need looked at in a round.
  // A node that died before is believed to stay only after so long: until then it gets no copies,
  // and its replicas do not justify the deletion of others.
  std::chrono::milliseconds settle_time{10'000};
  // For so long a node that is new to this process may take to report what it has before blocks
  // that have more than one replica are copied on account of it.
  std::chrono::milliseconds report_wait{30'000};
  double balance_threshold = 0.05;  // Of a node's capacity, away from the mean.
  std::size_t balance_copies_max = 8;
  bool balance = true;
  PlacementOptions placement;
};

struct PlannerInput {
  const BlockMap& map;
  const NodeRegistry& registry;
  const RepairWork& work;  // After RepairWork::update() for the same `now`.
  const PlannerOptions& options;
  bool safe_mode = true;
  TimePoint now{};
  bool unsettled = false;  // The leadership is too young to delete anything.
};

// Nothing in safe mode; no deletions until every live node has reported in full and the leadership
// has settled. Copies in the
// order of Need, each from the least busy source to targets chosen by rack, space and load. A
// deletion never leaves fewer good replicas on live, settled nodes than are wanted.
ReplicationPlan plan_replication(const PlannerInput& input, Random& random);

}  // namespace minidfs::metadata
