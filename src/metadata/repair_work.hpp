// What repair has begun and not yet heard the end of: copies and deletions in flight, and what went
// wrong lately. It bounds what the planner may begin, and remembers every deletion that was sent
// until it is confirmed. Pure; owned by the namenode's block actor.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "metadata/block_map.hpp"
#include "metadata/block_types.hpp"

namespace minidfs::metadata {

// One replica to be sent from `source` along the pipeline of `targets`.
struct CopyTask {
  Block block;
  NodeIndex source;
  std::vector<NodeIndex> targets;
  Need why = Need::kNone;  // kNone: to balance the nodes.

  friend bool operator==(const CopyTask&, const CopyTask&) = default;
};

struct ReplicationPlan {
  std::vector<CopyTask> copies;
  std::vector<ReplicaDelete> deletes;
  // Where the next round goes on when this one could not look at all blocks; by need, the last one
  // for balancing.
  std::array<BlockId, kNeeds + 1> resume_at{};
  // Balancing goes through the blocks in passes. Whether the one that is under way has found one to
  // be moved, if only later.
  bool balance_found = false;
  // A pass has come to its end, and there is no block whose move would bring the nodes nearer to
  // the mean.
  bool no_move_helps = false;
};

struct RepairWorkOptions {
  std::chrono::milliseconds copy_timeout{120'000};  // Then the copy is given to others.
  std::chrono::milliseconds avoid_for{300'000};     // Nodes of a copy that failed, for that block.
  // Where no other node is left one that failed is tried again after so long: what hung or was full
  // may be well again.
  std::chrono::milliseconds retry_after{10'000};
  std::chrono::milliseconds delete_repeat{30'000};  // An unconfirmed deletion is sent again.
  // A deletion that was sent counts as done for so long although the replica may be reported again:
  // it may still be on its way. Must exceed the time for which a message or a datanode's queue can
  // hold it.
  std::chrono::milliseconds delete_memory{600'000};
};

class RepairWork {
 public:
  explicit RepairWork(RepairWorkOptions options = {}) : options_(options) {}

  // The plan is being carried out: its deletions are marked in the map.
  void begin(BlockMap& map, const ReplicationPlan& plan, TimePoint now);
  // Ends what the map shows as done or void and what has taken too long; a deletion that was given
  // up is cancelled in the map. Call before each round.
  void update(BlockMap& map, TimePoint now);
  // Nothing of it is heard of any more, as another namenode leads: deletions are cancelled in the
  // map. What was counted stays.
  void abandon(BlockMap& map);
  // A source or target said so.
  void copy_failed(BlockId block, NodeIndex node, TimePoint now);
  // Copies from the node that were under way are lost with its process; nobody is to blame.
  void source_restarted(NodeIndex node);
  // The order was sent once more, without a new decision.
  void delete_repeated(NodeIndex node, BlockId block);
  // The node carried the order out: the replica is gone. (One that is gone by itself is reported as
  // corrupt, so that an order still under way is not taken for done.) When the deletion was sent
  // more than once another may still be on its way, and would hit a new replica of the block as
  // well.
  void delete_confirmed(NodeIndex node, BlockId block);

  std::size_t copies_in_flight() const { return copies_.size(); }
  // Replicas that copies have brought, ever.
  std::uint64_t copies_arrived() const { return copies_arrived_; }
  std::size_t balance_copies() const { return balance_copies_; }
  // Those of balancing among them, and their bytes.
  std::uint64_t moves_arrived() const { return moves_arrived_; }
  std::uint64_t moved_bytes() const { return moved_bytes_; }
  bool balance_found() const { return balance_found_; }
  std::size_t deletes_in_flight() const { return deletes_.size(); }
  bool is_copying(BlockId block) const { return copies_.contains(block); }
  // Streams that leave and enter the node, and their bytes.
  struct Streams {
    std::uint32_t out = 0;
    std::uint32_t in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t bytes_in = 0;
    // Of replicas that will go: those that are being moved away, and those whose deletion was sent.
    std::uint64_t bytes_leaving = 0;
  };
  Streams streams(NodeIndex node) const;
  // A copy of the block failed with the node of late: others are better.
  bool avoids(BlockId block, NodeIndex node) const { return avoided_.contains({block, node}); }
  // It failed just now.
  bool bars(BlockId block, NodeIndex node, TimePoint now) const;
  bool delete_sent(NodeIndex node, BlockId block) const { return deletes_.contains({block, node}); }
  // Unconfirmed deletions that are due to be sent again and that the map still knows of.
  std::vector<ReplicaDelete> deletes_to_repeat(const BlockMap& map, TimePoint now) const;
  BlockId resume_at(std::size_t position) const { return resume_at_[position]; }

 private:
  struct Flight {
    CopyTask task;
    std::uint32_t hops = 0;  // Of the pipeline as it was begun.
    TimePoint deadline{};
  };
  struct SentDelete {
    TimePoint last_sent{};
    std::uint32_t sends = 0;
    std::uint64_t bytes_leaving = 0;  // As counted in the node's streams.
    bool confirmed = false;           // Kept nevertheless: a repetition may still be on its way.
  };
  using Copies = absl::btree_map<BlockId, Flight>;
  using Key = std::pair<BlockId, NodeIndex>;
  using Deletes = absl::btree_map<Key, SentDelete>;
  void forget_old_deletes(BlockMap& map, TimePoint now);
  void forget_delete(Deletes::iterator at);
  void avoid(BlockId block, NodeIndex node, TimePoint now);
  void avoid(const Flight& flight, TimePoint now);
  void note_arrival(const CopyTask& task);
  void count(const CopyTask& task, std::uint32_t sign);
  Streams& streams_of(NodeIndex node);
  void stop_counting(NodeIndex node, SentDelete& sent);
  Copies::iterator end_copy(Copies::iterator at);

  RepairWorkOptions options_;
  Copies copies_;
  std::size_t balance_copies_ = 0;
  std::uint64_t copies_arrived_ = 0;
  std::uint64_t moves_arrived_ = 0;
  std::uint64_t moved_bytes_ = 0;
  bool balance_found_ = false;
  std::vector<Streams> streams_;  // By node.
  // What is due at a time stands in order of time beside it, so that a round costs what is due.
  Deletes deletes_;
  absl::btree_set<std::pair<TimePoint, Key>> deletes_by_time_;  // By when each was sent last.
  absl::btree_set<std::pair<TimePoint, Key>> unconfirmed_;      // Those among them.
  absl::btree_map<Key, TimePoint> avoided_;                     // Since when.
  std::deque<std::pair<TimePoint, Key>> avoided_by_time_;
  std::array<BlockId, kNeeds + 1> resume_at_{};
};

}  // namespace minidfs::metadata
