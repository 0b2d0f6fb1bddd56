// Status, safe mode, balance and checks, for operators; see messages.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/datanode_messages.hpp"
#include "base/ids.hpp"
#include "metadata/types.hpp"

namespace minidfs::actors {

struct StatusRequest {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatusRequest&) {
  return f();
}

struct NodeReport {
  NodeId node;
  metadata::Endpoint data;
  std::string rack;
  std::string state;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t blocks = 0;
  std::int64_t last_heartbeat_ms = 0;  // Ago.
  std::string admin;                   // metadata::to_string(AdminState).
  std::uint64_t draining_left = 0;     // Blocks that keep a decommission from its end.
  std::int64_t maintenance_left_ms = 0;
  std::vector<DiskState> bad_disks;  // Those that do not work.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, NodeReport& x) {
  return f(x.node, x.data, x.rack, x.state, x.capacity_bytes, x.used_bytes, x.free_bytes, x.blocks,
           x.last_heartbeat_ms, x.admin, x.draining_left, x.maintenance_left_ms, x.bad_disks);
}

struct StatusReply {
  ClusterId cluster;
  bool safe_mode = false;
  std::string safe_mode_reason;
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t blocks_total = 0;
  std::uint64_t blocks_under_replicated = 0;
  std::uint64_t blocks_missing = 0;
  std::uint64_t blocks_corrupt = 0;
  std::uint64_t pending_copies = 0;
  std::vector<NodeReport> nodes;
  std::uint64_t repaired_blocks = 0;  // Copies that arrived since the namenode started.
  double repaired_per_second = 0;     // Of late.
  double balance_deviation = 0;       // The farthest node from the mean, as part of the mean.
  bool balanced = false;              // As the last BalanceRequest wants it.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatusReply& x) {
  return f(x.cluster, x.safe_mode, x.safe_mode_reason, x.files, x.directories, x.blocks_total,
           x.blocks_under_replicated, x.blocks_missing, x.blocks_corrupt, x.pending_copies, x.nodes,
           x.repaired_blocks, x.repaired_per_second, x.balance_deviation, x.balanced);
}

// "enter", "leave" or "status"; answered by the state after it.
struct SafeModeRequest {
  std::string action;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SafeModeRequest& x) {
  return f(x.action);
}

struct SafeModeReply {
  bool on = false;
  std::string reason;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SafeModeReply& x) {
  return f(x.on, x.reason);
}

// Moves blocks until no node's used part of its capacity is farther from the mean than `threshold`
// times the mean. Goes on in the background, until the namenode ends or it is reached. `on` false
// ends it at once. Answered by Accepted; StatusReply tells how far it is.
struct BalanceRequest {
  bool on = true;
  double threshold = 0.05;  // Above 0, at most 1.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BalanceRequest& x) {
  return f(x.on, x.threshold);
}

// Asks for the blocks with ids from `from` on that are not as they should be.
struct CheckBlocksRequest {
  BlockId from;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CheckBlocksRequest& x) {
  return f(x.from);
}

struct BlockProblem {
  std::string path;  // Of the file that owns the block.
  metadata::Block block;
  std::uint8_t wanted = 0;
  std::uint32_t readable = 0;  // Good replicas that a reader may be sent to.
  std::uint32_t live = 0;      // Those among them that count as copies.
  std::uint32_t corrupt = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BlockProblem& x) {
  return f(x.path, x.block, x.wanted, x.readable, x.live, x.corrupt);
}

struct CheckBlocksReply {
  std::vector<BlockProblem> problems;  // In order of block.
  BlockId next;                        // Where to go on; none at the end.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CheckBlocksReply& x) {
  return f(x.problems, x.next);
}

// Has all datanodes check all their replicas; without `start` only tells how far they are.
struct ScrubRequest {
  bool start = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ScrubRequest& x) {
  return f(x.start);
}

struct ScrubbedNode {
  NodeId node;
  metadata::Endpoint data;
  std::string state;
  ScrubState scrub;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ScrubbedNode& x) {
  return f(x.node, x.data, x.state, x.scrub);
}

struct ScrubReply {
  std::uint64_t request = 0;  // The number of the last request to start; 0: none so far.
  std::vector<ScrubbedNode> nodes;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ScrubReply& x) {
  return f(x.request, x.nodes);
}

}  // namespace minidfs::actors
