// What datanodes tell the namenode and the orders that they get in return; see messages.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "metadata/block_report.hpp"
#include "metadata/epoch.hpp"
#include "metadata/quorum.hpp"
#include "metadata/types.hpp"

namespace minidfs::actors {

// Of the marks that a datanode tells when it registers (metadata/types.hpp: BlockId).
inline constexpr std::size_t kMarksMax = 65'536;

// The first message of a datanode's process to each namenode, of each of its connections, and again
// whenever the namenode asks for it.
struct RegisterNode {
  NodeId node;
  ClusterId cluster;  // None when its directories are fresh.
  // Random for every process; tells a restart from a duplicate. Another one as well when the node
  // could not keep what it has to tell this namenode, which then has to be told everything.
  std::uint64_t incarnation = 0;
  std::string host;         // The machine, to recognise writers and readers on it.
  metadata::Endpoint data;  // As advertised to clients.
  std::string rack;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  // The newest that the node knows of the namespace: the epoch whose orders it obeys, and the
  // largest number of an applied change that a namenode of this life has told it.
  metadata::Epoch epoch;
  std::uint64_t change = 0;
  // Of the replicas that it holds: ascending, without repetition, at most kMarksMax.
  std::vector<std::uint32_t> marks;
  InterfaceVersion version = own_versions().newest;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RegisterNode& x) {
  return f(x.node, x.cluster, x.incarnation, x.host, x.data, x.rack, x.capacity_bytes, x.used_bytes,
           x.free_bytes, x.epoch, x.change, x.marks, x.version);
}

struct Registered {
  ClusterId cluster;
  // The number of the full block report that the node is to send now. 0: none is owed, because this
  // process of it has reported in full to this epoch, and its heartbeats have told everything
  // since; or other nodes come first, and the answer to a heartbeat will ask for it.
  std::uint64_t report = 0;
  metadata::Epoch epoch;
  std::uint64_t change = 0;       // The number of the newest change applied.
  metadata::ReportPosition from;  // Where that report begins, or goes on.
  // The node knows a later state of the cluster than this namenode: it keeps what it knows.
  bool later = false;
  metadata::QuorumView quorum;  // Whether the namenode leads, and which others there are.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Registered& x) {
  return f(x.cluster, x.report, x.epoch, x.change, x.from, x.later, x.quorum);
}

// A copy that the node was ordered to send and that one of its ends could not carry out.
struct CopyFailure {
  BlockId block;
  metadata::Endpoint node;  // The end that failed: a target's data address, or this node's own.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CopyFailure& x) {
  return f(x.block, x.node);
}

// How far a datanode's scrubber is.
struct ScrubState {
  std::uint64_t checked = 0;  // Replicas of the present round, or of the last one.
  std::uint64_t total = 0;
  std::uint64_t bad = 0;
  std::int64_t last_end_ms = 0;      // Unix time of the end of the last full round; 0: none yet.
  std::uint64_t last_requested = 0;  // The last ScrubReply::request whose round has ended.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ScrubState& x) {
  return f(x.checked, x.total, x.bad, x.last_end_ms, x.last_requested);
}

// Sent: do not renumber.
enum class DiskHealth : std::uint8_t {
  kWorks = 0,
  kHangs = 1,   // Has had work without progress for longer than datanode.disk_timeout.
  kFailed = 2,  // Given up until the process is started again.
};

inline std::string to_string(DiskHealth health) {
  switch (health) {
    case DiskHealth::kWorks:
      return "works";
    case DiskHealth::kHangs:
      return "hangs";
    case DiskHealth::kFailed:
      return "failed";
  }
  return "is in a state unknown here";
}

struct DiskState {
  std::string directory;
  DiskHealth health = DiskHealth::kWorks;
  std::int64_t since_ms = 0;  // Unix time at which it came to be so; 0: since the start.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DiskState& x) {
  return f(x.directory, x.health, x.since_ms);
}

// Every heartbeat carries what changed on the node since the last one that was answered.
struct Heartbeat {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t replicas = 0;
  std::uint32_t active_writes = 0;
  std::uint32_t active_reads = 0;
  metadata::IncrementalReport changes;
  std::vector<CopyFailure> failed_copies;
  ScrubState scrub;
  std::vector<DiskState> disks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Heartbeat& x) {
  return f(x.node, x.incarnation, x.capacity_bytes, x.used_bytes, x.free_bytes, x.replicas,
           x.active_writes, x.active_reads, x.changes, x.failed_copies, x.scrub, x.disks);
}

// Remove the local replica unless it is of a newer generation.
struct RemoveOrder {
  BlockId block;
  std::uint64_t generation = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RemoveOrder& x) {
  return f(x.block, x.generation);
}

// Copy a local replica to other nodes.
struct CopyOrder {
  metadata::Block block;
  std::vector<metadata::Endpoint> targets;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CopyOrder& x) {
  return f(x.block, x.targets);
}

// The orders are those of `epoch`; a namenode that does not lead gives none. A datanode that obeys
// a later one of the same life drops them, and one that meets a new epoch, or a namenode that has
// come to lead, registers before it obeys it.
struct HeartbeatReply {
  bool register_again = false;    // The namenode does not know this process of the node.
  std::uint64_t report = 0;       // Not 0: send a full block report with this number.
  metadata::ReportPosition from;  // Where it begins, or goes on.
  std::vector<RemoveOrder> remove;
  std::vector<CopyOrder> copy;
  std::uint64_t scrub_now = 0;  // Not 0: check all replicas at once, unless done for this number.
  metadata::Epoch epoch;
  std::uint64_t change = 0;  // The number of the newest change applied.
  // Replicas that the node's full report names, and that were found bad before, perhaps when
  // another process of the node was asked: when they are whole it is to say so.
  std::vector<metadata::Block> doubted;
  metadata::QuorumView quorum;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, HeartbeatReply& x) {
  return f(x.register_again, x.report, x.from, x.remove, x.copy, x.scrub_now, x.epoch, x.change,
           x.doubted, x.quorum);
}

// A chunk of a full block report; chunks are sent in order, one at a time.
struct BlockReportPart {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::string chunk;  // Encoded as in metadata/block_report.hpp.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BlockReportPart& x) {
  return f(x.node, x.incarnation, x.chunk);
}

// A datanode that stops in order: dead at once.
struct Goodbye {
  NodeId node;
  std::uint64_t incarnation = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Goodbye& x) {
  return f(x.node, x.incarnation);
}

}  // namespace minidfs::actors
