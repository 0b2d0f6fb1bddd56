// The control messages between clients, namenode and datanodes that are not already structs of
// metadata. Each is a value; what a field means is said once, here. The qualified C++ names go over
// the wire: renaming or moving a type breaks the protocol.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "metadata/block_report.hpp"
#include "metadata/changes.hpp"
#include "metadata/types.hpp"
#include "metadata/write_sessions.hpp"

namespace minidfs::actors {

// --- Reading the namespace -------------------------------------------------------------------

struct StatRequest {
  std::string path;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatRequest& x) {
  return f(x.path);
}

// One page of a directory in byte order of the names; a file gives one entry.
struct ListRequest {
  std::string path;
  std::string start_after;  // Empty: from the first.
  std::uint32_t limit = 0;  // 0: the server's own, which also bounds any other.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ListRequest& x) {
  return f(x.path, x.start_after, x.limit);
}

struct ListReply {
  std::string
      entries;  // `count` encoded metadata::FileStatus (base/codec.hpp), ready as one run of
                // bytes so that a cached page costs a copy and not a thousand inspections.
  std::uint32_t count = 0;
  bool more = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ListReply& x) {
  return f(x.entries, x.count, x.more);
}

// A file's blocks and where they are.
struct LocateRequest {
  std::string path;
  std::string reader_host;  // To put near replicas first.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocateRequest& x) {
  return f(x.path, x.reader_host);
}

struct LocatedFile {
  metadata::FileStatus status;
  std::vector<metadata::LocatedBlock> blocks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocatedFile& x) {
  return f(x.status, x.blocks);
}

// One page of a directory with the blocks of its files, so that reading many small files needs no
// round trip for each. Locations stand once per distinct set.
struct LocateDirectoryRequest {
  std::string path;
  std::string start_after;
  std::uint32_t limit = 0;
  std::string reader_host;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocateDirectoryRequest& x) {
  return f(x.path, x.start_after, x.limit, x.reader_host);
}

struct LocateDirectoryReply {
  std::vector<LocatedFile> entries;  // Directories with no blocks among them.
  bool more = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocateDirectoryReply& x) {
  return f(x.entries, x.more);
}

// --- Writing ---------------------------------------------------------------------------------

// A path that a writer is going to commit, checked before the first byte is sent.
struct IntendedFile {
  std::string path;
  bool overwrite = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, IntendedFile& x) {
  return f(x.path, x.overwrite);
}

// Asks for blocks to write: `pipelines` sets of datanodes with `blocks_per_pipeline` block ids
// each. Zero pipelines only checks the paths.
struct AllocateBlocks {
  ClientId client;
  std::uint64_t session = 0;  // 0: open a new write session; its number is in the reply.
  std::vector<IntendedFile> files;
  std::uint32_t pipelines = 1;
  std::uint32_t blocks_per_pipeline = 1;
  std::uint64_t block_size = 0;  // An upper bound of each block's bytes.
  std::uint8_t replication = 0;
  std::string writer_host;
  std::vector<NodeId> excluded;  // Nodes that failed this writer.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AllocateBlocks& x) {
  return f(x.client, x.session, x.files, x.pipelines, x.blocks_per_pipeline, x.block_size,
           x.replication, x.writer_host, x.excluded);
}

struct PipelineGrant {
  std::vector<BlockId> blocks;
  std::uint64_t generation = 0;
  std::vector<metadata::ReplicaLocation> targets;  // Perhaps fewer than asked for, at least one.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PipelineGrant& x) {
  return f(x.blocks, x.generation, x.targets);
}

struct WriteGrant {
  std::uint64_t session = 0;
  std::uint32_t renew_within_ms = 0;  // The session must be renewed at least this often.
  std::vector<PipelineGrant> pipelines;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WriteGrant& x) {
  return f(x.session, x.renew_within_ms, x.pipelines);
}

// Keeps a session's blocks from being collected. Names all of them that are not committed yet, so
// that a namenode that has restarted learns of them.
struct RenewSession {
  ClientId client;
  std::uint64_t session = 0;
  std::vector<metadata::BlockRange> blocks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RenewSession& x) {
  return f(x.client, x.session, x.blocks);
}

// Ends a session. The blocks named are abandoned: those that no file owns are removed at once.
struct EndSession {
  ClientId client;
  std::uint64_t session = 0;
  std::vector<metadata::BlockRange> abandoned;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EndSession& x) {
  return f(x.client, x.session, x.abandoned);
}

// Where one written block is known to be whole.
struct WrittenBlock {
  BlockId block;
  std::vector<NodeId> nodes;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WrittenBlock& x) {
  return f(x.block, x.nodes);
}

// Makes files visible. Answered by the change's outcomes once it is applied and the block map knows
// the replicas, so that the files can be read at once.
struct CommitWrite {
  std::uint64_t session = 0;
  metadata::CommitFiles change;
  std::vector<WrittenBlock> written;  // Every block of the change, in order.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommitWrite& x) {
  return f(x.session, x.change, x.written);
}

// --- Datanodes -------------------------------------------------------------------------------

// The first message of a datanode's process, and again whenever the namenode asks for it.
struct RegisterNode {
  NodeId node;
  ClusterId cluster;              // None when its directories are fresh.
  std::uint64_t incarnation = 0;  // Random for every process; tells a restart from a duplicate.
  std::string host;               // The machine, to recognise writers and readers on it.
  metadata::Endpoint data;        // As advertised to clients.
  std::string rack;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RegisterNode& x) {
  return f(x.node, x.cluster, x.incarnation, x.host, x.data, x.rack, x.capacity_bytes, x.used_bytes,
           x.free_bytes);
}

struct Registered {
  ClusterId cluster;
  std::uint64_t report = 0;  // The number of the full block report that the node now owes.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Registered& x) {
  return f(x.cluster, x.report);
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
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Heartbeat& x) {
  return f(x.node, x.incarnation, x.capacity_bytes, x.used_bytes, x.free_bytes, x.replicas,
           x.active_writes, x.active_reads, x.changes, x.failed_copies);
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

struct HeartbeatReply {
  bool register_again = false;  // The namenode does not know this process of the node.
  std::uint64_t report = 0;     // Not 0: send a full block report with this number.
  std::vector<RemoveOrder> remove;
  std::vector<CopyOrder> copy;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, HeartbeatReply& x) {
  return f(x.register_again, x.report, x.remove, x.copy);
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

struct Accepted {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Accepted&) {
  return f();
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

// --- Administration --------------------------------------------------------------------------

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
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, NodeReport& x) {
  return f(x.node, x.data, x.rack, x.state, x.capacity_bytes, x.used_bytes, x.free_bytes, x.blocks,
           x.last_heartbeat_ms, x.admin, x.draining_left, x.maintenance_left_ms);
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

}  // namespace minidfs::actors
