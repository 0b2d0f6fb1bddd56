// Status, safe mode, balance and checks, for operators; see messages.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/datanode_messages.hpp"
#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "metadata/changes.hpp"
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
  std::string state;  // metadata::to_string(NodeState), or "absent": see StatusReply.
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t blocks = 0;
  std::int64_t last_heartbeat_ms = 0;  // Ago.
  std::string admin;                   // metadata::to_string(AdminState).
  std::uint64_t draining_left = 0;     // Blocks that keep a decommission from its end.
  std::int64_t maintenance_left_ms = 0;
  std::vector<DiskState> bad_disks;  // Those that do not work.
  InterfaceVersion version = 0;      // The newest that it speaks; 0: not known.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, NodeReport& x) {
  return f(x.node, x.data, x.rack, x.state, x.capacity_bytes, x.used_bytes, x.free_bytes, x.blocks,
           x.last_heartbeat_ms, x.admin, x.draining_left, x.maintenance_left_ms, x.bad_disks,
           x.version);
}

struct StatusReply {
  ClusterId cluster;
  bool safe_mode = false;
  std::string safe_mode_reason;
  bool behind = false;  // The datanodes know a later state: safe mode, for this reason.
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t blocks_total = 0;
  std::uint64_t blocks_under_replicated = 0;
  std::uint64_t blocks_missing = 0;
  std::uint64_t blocks_corrupt = 0;
  std::uint64_t pending_copies = 0;
  // Also those, as "absent", that are known only from what was decided about them: they have not
  // registered since the namenode started, and have no address.
  std::vector<NodeReport> nodes;
  std::uint64_t repaired_blocks = 0;  // Copies that arrived since the namenode started.
  double repaired_per_second = 0;     // Of late.
  double balance_deviation = 0;       // The farthest node from the mean, as part of the mean.
  bool asks_secret = false;           // Of those who connect: who does not know it is kept out.
  // Of the namenode. When its disk has not answered for a while, for how long (else 0): then files,
  // directories and blocks are as they were before.
  std::string directory;
  std::uint64_t directory_silent_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatusReply& x) {
  return f(x.cluster, x.safe_mode, x.safe_mode_reason, x.behind, x.files, x.directories,
           x.blocks_total, x.blocks_under_replicated, x.blocks_missing, x.blocks_corrupt,
           x.pending_copies, x.nodes, x.repaired_blocks, x.repaired_per_second, x.balance_deviation,
           x.asks_secret, x.directory, x.directory_silent_ms);
}

// "enter", "leave" or "status"; answered by the state after it. "accept" is "leave", and the word
// that this namespace counts although the datanodes know a later state of the cluster; without it,
// "leave" is refused then (kBehind).
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
  bool behind = false;  // As in StatusReply.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SafeModeReply& x) {
  return f(x.on, x.reason, x.behind);
}

// What an operator decides about a datanode, which need not run. Outlives restarts; refused in safe
// mode. A node that is to be forgotten must be dead or absent: kInUse else.
struct DecideNode {
  metadata::RequestId request;
  NodeId node;
  metadata::NodeAction action = metadata::NodeAction::kRecommission;
  std::int64_t for_ms = 0;  // Of maintenance, from now on by the namenode's clock.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DecideNode& x) {
  return f(x.request, x.node, x.action, x.for_ms);
}

// Begins to move blocks until no node's used part of its capacity is farther from the mean than
// `threshold` times the mean, ends that, or asks how far it is. It goes on in the background, until
// it is reached, no move helps or the namenode ends.
struct BalanceRequest {
  enum class Action : std::uint8_t { kStatus = 0, kBegin = 1, kStop = 2 };
  Action action = Action::kStatus;
  double threshold = 0.05;  // Above 0, at most 1.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BalanceRequest& x) {
  return f(x.action, x.threshold);
}

struct BalanceReply {
  enum class State : std::uint8_t {
    kNone = 0,  // None was begun since the namenode started.
    kRunning = 1,
    kReached = 2,
    kStuck = 3,  // There is no block whose move would help.
    kStopped = 4,
  };
  State state = State::kNone;
  std::uint64_t number = 0;  // Of the last one that was begun; no two have the same.
  double deviation = 0;      // The farthest node from the mean, as part of the mean.
  std::uint64_t moving = 0;  // Blocks.
  std::uint64_t moved = 0;   // Since it was begun.
  std::uint64_t moved_bytes = 0;
  std::string waits_for;  // Why nothing is moved at the moment; empty when something is.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BalanceReply& x) {
  return f(x.state, x.number, x.deviation, x.moving, x.moved, x.moved_bytes, x.waits_for);
}

// Whether the blocks of a file have as many copies as are wanted.
struct CopiesRequest {
  std::string path;
  std::uint64_t offset = 0;  // Blocks from the one with this byte on are counted: some thousand.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CopiesRequest& x) {
  return f(x.path, x.offset);
}

struct CopiesReply {
  std::uint64_t next = 0;  // The offset to go on at; 0: no blocks are left.
  std::uint64_t blocks = 0;
  std::uint64_t lacking = 0;  // Those with fewer copies.
  std::uint64_t surplus = 0;  // Those with more, or some that are still to be deleted.
  std::string waits_for;      // Why this cannot change as things are; empty: it can.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CopiesReply& x) {
  return f(x.next, x.blocks, x.lacking, x.surplus, x.waits_for);
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
  // Why some of them may be none: datanodes have yet to tell this leadership what they hold. Empty:
  // all that are heard of have.
  std::string outstanding;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CheckBlocksReply& x) {
  return f(x.problems, x.next, x.outstanding);
}

// Has all datanodes check all their replicas; without `start` only tells how far they are.
struct ScrubRequest {
  bool start = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ScrubRequest& x) {
  return f(x.start);
}

// Reads a consistent copy of the namespace's database, made when the first part is asked for, part
// by part in order. The namenode holds one copy at a time (kInUse), until its reader says that it
// is done or is silent for a minute; kExpired when it has given the reader's copy up.
struct BackupRequest {
  ClientId reader;  // Random for each backup.
  std::uint64_t offset = 0;
  bool end = false;  // The copy is not needed any more.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BackupRequest& x) {
  return f(x.reader, x.offset, x.end);
}

struct BackupReply {
  bool ready = false;        // Else the copy is still being made: ask again.
  std::uint64_t change = 0;  // The last change in it.
  std::uint64_t bytes_total = 0;
  std::string version_file;    // What stands in VERSION beside the database.
  std::string bytes;           // From the offset on; none at the end.
  std::uint64_t checksum = 0;  // XXH3-64 of them.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BackupReply& x) {
  return f(x.ready, x.change, x.bytes_total, x.version_file, x.bytes, x.checksum);
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
