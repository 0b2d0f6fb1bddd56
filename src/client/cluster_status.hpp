// A snapshot of the cluster as `minidfs status` shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "client/quorum.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct BlockCounts {
  std::uint64_t total = 0;
  std::uint64_t under_replicated = 0;  // Fewer live replicas than wanted, but at least one.
  std::uint64_t missing = 0;           // No live replica.
  std::uint64_t corrupt = 0;           // At least one replica known to be bad.
  std::uint64_t pending_copies = 0;
  double repaired_per_second = 0;  // Copies that arrive, of late.
};

// A disk of a datanode that does not work.
struct BadDisk {
  std::string directory;
  std::string state;  // "hangs" or "failed".
};

struct NodeReport {
  NodeId id;
  std::string name;  // host:port of the data plane; of an absent node its id.
  std::string rack;
  // "live", "stale", "dead", or "absent": known only from what was decided about it.
  std::string state;
  std::string admin;  // "in service", "decommissioning", "decommissioned" or "maintenance".
  std::uint64_t draining_left = 0;       // Blocks that keep a decommission from its end.
  std::int64_t maintenance_left_ms = 0;  // Until it is in service again.
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t blocks = 0;
  std::int64_t last_heartbeat_ms = 0;  // Ago.
  std::vector<BadDisk> bad_disks;
  metadata::Endpoint data;       // Without a host for an absent node.
  InterfaceVersion version = 0;  // Of the interface, the newest that it speaks; 0: not known.
  metadata::Endpoint http{};     // Without a port when it serves none, or is not known to.
  // Whether this client can connect to it; none when that was not tried: see probe_nodes().
  std::optional<bool> reached{};
};

struct ClusterStatus {
  ClusterId cluster;
  bool safe_mode = false;
  std::string safe_mode_reason;  // Empty when off.
  bool behind = false;  // In safe mode because the datanodes know a later state of the cluster.
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  BlockCounts blocks;
  std::vector<NodeReport> nodes;
  std::optional<Quorum> quorum{};  // None when nobody could tell.
  double balance_deviation = 0;    // Of the farthest node from the mean use, as part of the mean.
  bool asks_secret = false;  // Of those who connect; if not, all who reach the ports are let in.
  // Whom HTTP lets in, at the namenode and the datanodes.
  enum class Http : std::uint8_t { kOff, kTokens, kEverybody };
  Http http = Http::kOff;
  // The namenode's, whose disk has answered nothing for so long; 0: it answers. Files, directories
  // and the number of blocks are then as they were before.
  std::string directory;
  std::uint64_t directory_silent_ms = 0;
};

// How far the last balance is that was begun.
struct Balance {
  enum class State : std::uint8_t { kNone, kRunning, kReached, kStuck, kStopped };
  State state = State::kNone;  // kStuck: no move would bring the nodes nearer to the mean.
  std::uint64_t number = 0;    // Another one for each that is begun.
  double deviation = 0;        // As in ClusterStatus.
  std::uint64_t moving = 0;    // Blocks.
  std::uint64_t moved = 0;     // Since it was begun.
  std::uint64_t moved_bytes = 0;
  std::string waits_for;  // Why nothing can be moved now; empty: nothing speaks against it.
};

// Whether the blocks of a file have their wanted copies, as the namenode judges.
struct FileCopies {
  std::uint64_t blocks = 0;
  std::uint64_t lacking = 0;  // Those with fewer copies.
  std::uint64_t surplus = 0;  // Those with more, or some that are still to be deleted.
  std::string waits_for;      // Why this cannot change as things are; empty: it can.
};

struct SafeMode {
  bool on = false;
  std::string reason;   // Empty when off.
  bool behind = false;  // As in ClusterStatus.
};

// A block that is not as it should be.
struct BlockProblem {
  std::string path;
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;
  std::uint32_t wanted = 0;
  std::uint32_t readable = 0;  // Good replicas that can be read now.
  std::uint32_t live = 0;      // Those among them that count as copies.
  std::uint32_t corrupt = 0;

  bool missing() const { return readable == 0; }
  bool under_replicated() const { return readable > 0 && live < wanted; }
};

// A backup of the namespace that was taken.
struct BackupReport {
  std::uint64_t bytes = 0;
  std::uint64_t change = 0;  // The last change in it.
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
