// A snapshot of the cluster as `minidfs status` shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace minidfs::client {

struct BlockCounts {
  std::uint64_t total = 0;
  std::uint64_t under_replicated = 0;  // Fewer live replicas than wanted, but at least one.
  std::uint64_t missing = 0;           // No live replica.
  std::uint64_t corrupt = 0;           // At least one replica known to be bad.
  std::uint64_t pending_copies = 0;
};

struct NodeReport {
  NodeId id;
  std::string name;  // host:port of the data plane.
  std::string rack;
  std::string state;  // "live", "stale" or "dead".
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t blocks = 0;
  std::int64_t last_heartbeat_ms = 0;  // Ago.
};

struct ClusterStatus {
  ClusterId cluster;
  bool safe_mode = false;
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  BlockCounts blocks;
  std::vector<NodeReport> nodes;
};

// How far a datanode is with checking its replicas.
struct NodeScrub {
  NodeId id;
  std::string name;   // host:port of the data plane.
  std::string state;  // As in NodeReport.
  bool done = false;  // With a round that was begun after the request.
  std::uint64_t checked = 0;
  std::uint64_t total = 0;
  std::uint64_t bad = 0;
  std::int64_t last_end_ms = 0;  // Unix time of the end of the last full round; 0: none yet.
};

}  // namespace minidfs::client
