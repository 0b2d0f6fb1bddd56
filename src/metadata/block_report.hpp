// Block reports: how a datanode tells which replicas it has, in full (in chunks, sorted by id) or
// as changes, and how that is merged into the block map. Format: docs/formats.md, "Block reports".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/block_map.hpp"
#include "metadata/block_types.hpp"
#include "metadata/types.hpp"

namespace minidfs::metadata {

// One part of a full report: all replicas that the node has with ids in [first, last].
struct ReportChunk {
  std::uint64_t report = 0;     // Chosen by the namenode when it asks for the report.
  std::uint32_t sequence = 0;   // 0, 1, 2, … within the report.
  BlockId first;                // 0 for the first chunk, else the previous chunk's last plus one.
  BlockId last;                 // 2^64 - 1 for the last chunk.
  std::vector<Block> replicas;  // Strictly ascending ids; at most kReportChunkReplicasMax.

  bool ends_report() const { return last.value == ~0ULL; }
  friend bool operator==(const ReportChunk&, const ReportChunk&) = default;
};

// A chunk is taken in one piece, so this bounds what a heartbeat may have to wait for.
inline constexpr std::size_t kReportChunkReplicasMax = 2'048;

// Where a full report goes on: the number of the next chunk and its first id.
struct ReportPosition {
  std::uint32_t sequence = 0;
  BlockId first;

  friend bool operator==(const ReportPosition&, const ReportPosition&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ReportPosition& x) {
  return f(x.sequence, x.first);
}

// REQUIRES: the invariants above.
std::string encode_report_chunk(const ReportChunk& chunk);
// kCorrupt for anything that does not hold to them, with the reason.
Result<ReportChunk> decode_report_chunk(std::string_view bytes);

// Cuts a node's replicas into chunks, on the datanode. `next_replicas` are the replicas from that
// position on, or following the previous chunk, in order of id; fewer than kReportChunkReplicasMax
// end the report.
ReportChunk report_chunk_at(std::uint64_t report, const ReportPosition& position,
                            std::vector<Block> next_replicas);
ReportChunk next_report_chunk(std::uint64_t report, const ReportChunk* previous,
                              std::vector<Block> next_replicas);
// REQUIRES: the chunk does not end its report.
ReportPosition position_after(const ReportChunk& chunk);

// What changed on a node since its last heartbeat: the last state of each block that changed. A
// block stands in one of the first four lists at most, and then in `corrupt` only if it was found
// bad after that: corruptions are applied last. ChangeCollector sees to that.
struct IncrementalReport {
  std::vector<Block> added;    // Stored just now, or read and found whole.
  std::vector<Block> removed;  // On the namenode's order, also when there was nothing to remove.
  // Out of reach with their disk, which hangs or has failed; and there again, as they were.
  std::vector<Block> unreachable;
  std::vector<Block> back;
  std::vector<Block> corrupt;  // Found bad, or gone without an order.

  bool empty() const {
    return added.empty() && removed.empty() && unreachable.empty() && back.empty() &&
           corrupt.empty();
  }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, IncrementalReport& x) {
  return f(x.added, x.removed, x.unreachable, x.back, x.corrupt);
}

// Collects the changes on a datanode between two reports; the last one of a block decides.
class ChangeCollector {
 public:
  // Also of a replica that was called bad and is whole.
  void stored(const Block& replica) { changes_[replica.id] = {replica, Kind::kStored}; }
  void removed(const Block& replica) { changes_[replica.id] = {replica, Kind::kRemoved}; }
  void unreachable(const Block& replica) { changes_[replica.id] = {replica, Kind::kUnreachable}; }
  void back(const Block& replica) { changes_[replica.id] = {replica, Kind::kBack}; }
  void found_corrupt(const Block& replica);
  void clear() { changes_.clear(); }
  bool empty() const { return changes_.empty(); }
  std::size_t size() const { return changes_.size(); }  // Blocks.
  // Whether it is to tell that the block has a replica here, stored or back.
  bool brings(BlockId block) const;
  // At most `limit` blocks, in order of id; they are forgotten here.
  IncrementalReport take(std::size_t limit);
  // The report could not be delivered: what did not change since is told again.
  void put_back(const IncrementalReport& report);

 private:
  enum class Kind : std::uint8_t { kStored, kRemoved, kUnreachable, kBack, kOnlyCorrupt };
  struct Change {
    Block replica;
    Kind kind = Kind::kStored;
    bool corrupt = false;  // Found after that.
  };
  absl::btree_map<BlockId, Change> changes_;
};

// Follows one full report of a node, so that no chunk is missed or taken twice.
class ReportProgress {
 public:
  explicit ReportProgress(std::uint64_t report) : report_(report) {}

  // kStale for a chunk of another report or one that was taken before (to be ignored), kProtocol
  // for one that does not follow the previous (the report must be asked for again).
  Status accept(const ReportChunk& chunk);
  // Whether it is the one that was accepted last: asked again by a node that heard nothing.
  bool was_last(const ReportChunk& chunk) const;
  bool complete() const { return complete_; }
  std::uint64_t report() const { return report_; }
  // Where the node is to go on.
  const ReportPosition& position() const { return next_; }

 private:
  std::uint64_t report_;
  ReportPosition next_;
  bool complete_ = false;
};

// Ids of the reported blocks that the map does not know as owned (or freed): these are to be looked
// up in the namespace before the merge. In order of id.
std::vector<BlockId> blocks_to_look_up(const BlockMap& map, std::span<const Block> replicas);
std::vector<BlockId> blocks_to_look_up(const BlockMap& map, const IncrementalReport& report);

struct MergeResult {
  std::uint64_t added = 0;    // Replicas the map did not have.
  std::uint64_t removed = 0;  // Replicas the map had and the node has not.
  std::vector<BlockId> unowned;
  std::vector<BlockId> stale;  // The node's replica is of an older generation.
  // Of a full report: what it says is as it should be, but the replica was found bad before.
  std::vector<Block> doubted;
};

// Makes the map agree with the chunk in its range, but for replicas that changed since the report
// began (BlockMap::begin_report). `owned`, in order of id, is what the namespace says of at least
// the blocks that blocks_to_look_up() named; a block that it lacks is unowned.
MergeResult merge_report_chunk(BlockMap& map, NodeIndex node, const ReportChunk& chunk,
                               std::span<const OwnedBlock> owned);

// `owned` as above.
MergeResult apply_incremental(BlockMap& map, NodeIndex node, const IncrementalReport& report,
                              std::span<const OwnedBlock> owned);

}  // namespace minidfs::metadata
