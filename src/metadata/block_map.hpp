// Where the replicas of every block are, and which blocks need work. Soft state: learnt from
// commits and from the datanodes' reports, in any order, and lost with the process. What the
// namespace owns is decided elsewhere and told to the map. Pure and single-threaded; owned by the
// namenode's block actor.
//
// Memory: 32 bytes an entry in a B-tree, measured in tests/unit/metadata; what is rare (more than
// three replicas, replicas of another generation) stands in side tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "base/ids.hpp"
#include "metadata/block_limits.hpp"
#include "metadata/block_types.hpp"
#include "metadata/types.hpp"

namespace minidfs::metadata {

using ReplicaList = absl::InlinedVector<Replica, 4>;

// How the replicas on a node count.
enum class NodeMode : std::uint8_t {
  kGone,      // Dead or never seen: it has no replicas here, and reports of it are ignored.
  kCounted,   // Replicas are live copies.
  kDraining,  // Decommissioning: readable, a source, but not a copy.
  kAway,      // In maintenance and not running: not readable, yet its copies are not replaced.
};

// What a block needs, most urgent first. A block has the first need that applies.
enum class Need : std::uint8_t {
  kOneLeft,   // One readable replica, more wanted.
  kFarBelow,  // Three or more copies short.
  kTwoShort,
  kOneShort,
  kMisplaced,  // Enough copies, all on one rack although there are several.
  kSurplus,    // More copies than wanted.
  kDirty,      // Enough copies, and corrupt or stale replicas to remove.
  kMissing,    // Nothing readable: nothing can be done but to report it.
  kNone,
};
inline constexpr std::size_t kNeeds = 8;  // Without kNone.

// What the namespace says of a block.
struct OwnedBlock {
  Block block;
  std::uint8_t wanted = 0;

  friend bool operator==(const OwnedBlock&, const OwnedBlock&) = default;
};

// The replicas of one block, counted.
struct ReplicaTally {
  std::uint32_t live = 0;      // Good, on counted nodes.
  std::uint32_t draining = 0;  // Good, on draining nodes.
  std::uint32_t away = 0;      // Good, on nodes in maintenance.
  std::uint32_t corrupt = 0;
  std::uint32_t stale = 0;
  std::uint32_t ahead = 0;
  std::uint32_t deleting = 0;
  std::uint32_t unreachable = 0;

  std::uint32_t readable() const { return live + draining; }
};

struct BlockView {
  Block block;
  std::uint8_t wanted = 0;
  bool owned = false;
  bool freed = false;  // Its file was deleted: every replica is on its way out.
  Need need = Need::kNone;
  ReplicaList replicas;  // In order of node.
};

// A deletion to be carried out by a datanode: of that generation or any older one.
struct ReplicaDelete {
  BlockId block;
  std::uint64_t generation = 0;
  NodeIndex node;

  friend bool operator==(const ReplicaDelete&, const ReplicaDelete&) = default;
};

struct BlockMapCounts {
  std::uint64_t total = 0;  // As given.
  std::uint64_t known_owned = 0;
  std::uint64_t with_live_replica = 0;  // Owned with a readable replica.
  std::uint64_t under_replicated = 0;   // Owned, readable, below the wanted copies.
  std::uint64_t over_replicated = 0;
  std::uint64_t missing = 0;        // total - with_live_replica.
  std::uint64_t missing_known = 0;  // Those among them that the map has heard of.
  std::uint64_t corrupt = 0;        // Owned with a corrupt replica.
  std::uint64_t unowned = 0;

  friend bool operator==(const BlockMapCounts&, const BlockMapCounts&) = default;
};

class BlockMap {
 public:
  static constexpr std::size_t kSweepStep = 8'192;

  // `sweep_step`: see the sweep. REQUIRES: more than 0.
  explicit BlockMap(std::size_t sweep_step = kSweepStep) : sweep_step_(sweep_step) {}
  BlockMap(BlockMap&&) = default;
  BlockMap& operator=(BlockMap&&) = default;

  // --- Nodes ---

  // The node lives and its replicas count; its rack may be new.
  void node_joined(NodeIndex node, RackIndex rack);
  // No reader is sent to the node any more; the sweep forgets its replicas.
  void node_dead(NodeIndex node);
  // The sweep changes how its replicas count. kGone is node_dead().
  void set_node_mode(NodeIndex node, NodeMode mode);
  NodeMode node_mode(NodeIndex node) const;
  // Whether blocks should stand on two racks. The sweep judges all needs anew.
  void set_several_racks(bool several);

  // --- The sweep ---
  //
  // Such a change concerns blocks all over the map, which are gone through in rounds, a step at a
  // time. What a round has not reached counts as it did before the change, in tallies, counts and
  // needs. A change that comes during a round has its own round after it. Each change does one step
  // itself; a second change of one node first brings its first one to the end.

  bool is_sweeping() const { return round_on_; }
  // The next step: looks at as many blocks as the constructor was told.
  void sweep();

  // --- What the namespace says ---

  // A file now owns the block in this form, and these nodes acknowledged a whole replica of it.
  // Ignored (false) when the map knows a newer generation as owned, or the block as freed.
  bool commit_block(const OwnedBlock& owned, std::span<const NodeIndex> acknowledged);
  // These nodes acknowledged a whole replica of a block that a file owns in this form. Ignored
  // (false) when the map does not know it as such: ownership comes from the namespace only.
  bool acknowledge(const Block& block, std::span<const NodeIndex> nodes);
  // The block's file is gone. All replicas become kDeleting; the caller sends these deletions, and
  // the orphan collector repeats what is not confirmed.
  std::vector<ReplicaDelete> free_block(BlockId block);
  void set_wanted(BlockId block, std::uint8_t wanted);

  // --- What the nodes say ---

  struct Reported {
    BlockId block;
    std::uint64_t generation = 0;
    std::uint64_t length = 0;
    // Stored just now, or read from its disk and found whole: an earlier finding of corruption is
    // void.
    bool fresh = false;
  };
  // `owned` is what the namespace says of the block, or null when no file owns it; it is ignored
  // when the map already knows the block as owned or freed. REQUIRES: `owned` is not older than the
  // last free_block() (read it after the change was applied). Returns the replica's new state, or
  // nothing when the node is gone or the values exceed kLengthMax or kGenerationMax.
  std::optional<ReplicaState> add_reported(NodeIndex node, const Reported& reported,
                                           const OwnedBlock* owned);
  // Confirms a deletion or tells a loss. `generation` is that of the removed replica: a newer one
  // that is known stays. Returns whether there was such a replica.
  bool remove_replica(NodeIndex node, BlockId block, std::uint64_t generation);
  // Returns whether there was such a replica of that generation that was not corrupt before.
  bool mark_corrupt(NodeIndex node, BlockId block, std::uint64_t generation);
  // The node has a bad replica that the map has not heard of, of a newer generation than it knows
  // there, if any, and whose length nobody said. It stays bad until it is reported as fresh. One
  // that is known is not changed. `owned` as of add_reported().
  void add_corrupt(NodeIndex node, BlockId block, std::uint64_t generation,
                   const OwnedBlock* owned);
  // The replica is out of reach with its disk: until it is reported again, which no writer's
  // acknowledgement is. A deletion that was decided stands. Returns whether there was such a
  // replica, of that generation or an older one.
  bool mark_unreachable(NodeIndex node, BlockId block, std::uint64_t generation);
  // The replica's deletion has been decided. Returns the deletion to send.
  std::optional<ReplicaDelete> mark_deleting(NodeIndex node, BlockId block);
  // A deletion that was sent was not heard of for so long that it will not be carried out any more:
  // the replica counts again as what it is. Not for blocks that no file
  // owns. Returns whether there was such a deletion.
  bool cancel_deleting(NodeIndex node, BlockId block);

  // --- Full reports ---

  // From now until end_report() remembers which replicas of the node change by other ways, as these
  // changes are newer than what the report says. Call before the node is asked for the report.
  void begin_report(NodeIndex node);
  void end_report(NodeIndex node);
  bool changed_since_report_began(NodeIndex node, BlockId block) const;
  struct Entered {
    ReplicaState state = ReplicaState::kGood;
    bool owned = false;  // Whether a file owns the block.
  };
  // Used by the merge: as add_reported() and remove_replica() of any generation, but not
  // remembered. Quicker in order of id.
  std::optional<Entered> add_from_report(NodeIndex node, const Reported& reported,
                                         const OwnedBlock* owned);
  void drop_from_report(NodeIndex node, BlockId block);
  // Blocks in [first, last] of which the node has a replica, in order of id.
  std::vector<BlockId> blocks_of(NodeIndex node, BlockId first, BlockId last) const;

  // --- Asking ---

  std::optional<BlockView> find(BlockId block) const;
  // Those of the replicas' blocks that are known neither as owned nor as freed. Quicker in order of
  // id.
  std::vector<BlockId> strangers(std::span<const Block> replicas) const;
  bool is_owned(BlockId block) const;
  // The first block with an id of at least `from`.
  std::optional<BlockView> next(BlockId from) const;
  ReplicaTally tally(const BlockView& view) const;
  // Whether a node that runs has told of a whole replica of exactly this form.
  bool is_reported(const Block& block) const;
  // Whether the deletion of the node's replica has been decided and stands.
  bool is_deleting(NodeIndex node, BlockId block) const;
  // Whether it is that of a replica which is good as far as is known now, whatever was known when
  // it was decided. One that is out of reach may be.
  bool deletes_good(NodeIndex node, BlockId block) const;
  // Replicas that a reader may be sent to.
  ReplicaList readable_replicas(BlockId block) const;
  // Those of the block's generation that were found corrupt, as if they were good: of some a part
  // is.
  ReplicaList corrupt_replicas(BlockId block) const;
  BlockMapCounts counts(std::uint64_t total) const;
  // In order of id.
  const absl::btree_set<BlockId>& needing(Need need) const;
  const absl::btree_set<BlockId>& unowned() const { return unowned_; }
  // The next blocks that became unowned and were not taken yet, in that order, `most` of them at
  // most. Some may be owned or gone again.
  std::vector<BlockId> take_new_unowned(std::size_t most);
  // The generation of the replica that the node has; 0 when it has none.
  std::uint64_t replica_generation(NodeIndex node, BlockId block) const;
  // Replicas in any state.
  std::uint64_t replica_count(NodeIndex node) const;
  // Blocks that keep a draining node from being done: those that have a good replica on it and too
  // few copies elsewhere.
  std::uint64_t draining_blocks(NodeIndex node) const;
  std::size_t size() const { return entries_.size(); }

  static constexpr std::uint64_t kLengthMax = kBlockLengthMax;
  static constexpr std::uint64_t kGenerationMax = metadata::kGenerationMax;

 private:
  static constexpr std::size_t kInline = 3;
  // Stand for the length of a replica that was found corrupt, and is being deleted or was never
  // reported; and of one that is being deleted and is out of reach.
  static constexpr std::uint64_t kSpoilt = ~0ULL;
  static constexpr std::uint64_t kOutOfReach = ~0ULL - 1;

  struct Entry {
    std::uint64_t generation : 48 = 0;
    std::uint64_t wanted : 8 = 0;
    std::uint64_t owned : 1 = 0;
    std::uint64_t freed : 1 = 0;
    std::uint64_t overflows : 1 = 0;  // More replicas stand in overflow_.
    std::uint64_t differs : 1 = 0;    // Some replicas have a form of their own in forms_.
    std::uint64_t inline_count : 2 = 0;
    std::uint64_t length : 40 = 0;
    std::uint64_t states : 12 = 0;  // Four bits for each inline replica, the first one lowest.
    std::uint64_t need : 4 = static_cast<std::uint64_t>(Need::kNone);
    std::array<std::uint16_t, kInline> nodes{};
  };
  static_assert(sizeof(Entry) == 24);
  using Entries = absl::btree_map<BlockId, Entry>;

  // Generation and length of a replica that differ from those of its block.
  struct Form {
    std::uint64_t generation = 0;
    std::uint64_t length = 0;
  };
  enum class Swept : std::uint8_t { kDone, kThisRound, kNextRound };
  struct PerNode {
    NodeMode mode = NodeMode::kGone;
    NodeMode mode_before = NodeMode::kGone;  // Counts where a sweep of the node has not been.
    Swept swept = Swept::kDone;
    RackIndex rack;
    std::uint64_t replicas = 0;
    std::uint64_t draining_blocks = 0;
    bool reporting = false;
    absl::btree_set<BlockId> changed;  // Since the report began.
  };
  class Editor;  // Loads an entry's replicas and puts them back with all counters kept right.
  class ReplicaEditor;  // The same for one of them.

  PerNode& per_node(NodeIndex node);
  const PerNode* known(NodeIndex node) const;
  ReplicaList load(BlockId block, const Entry& entry) const;
  void store(BlockId block, Entry& entry, const ReplicaList& replicas);
  NodeMode counted_mode(NodeIndex node, BlockId block) const;
  ReplicaTally tally_of(BlockId block, const ReplicaList& replicas) const;
  Need judge(BlockId block, const Entry& entry, const ReplicaList& replicas,
             const ReplicaTally& tally) const;
  bool on_one_rack(BlockId block, const ReplicaList& replicas) const;
  void account(BlockId block, const Entry& entry, const ReplicaList& replicas,
               const ReplicaTally& tally, std::uint64_t sign);
  void count_draining(BlockId block, const ReplicaList& replicas, std::uint64_t sign);
  void set_need(BlockId block, Entry& entry, Need need);
  void begin_sweep(Swept& swept);
  void end_round();
  bool concerns_round(BlockId block, const Entry& entry) const;
  void sweep_block(Entries::iterator at);
  void own(BlockId block, Entry& entry, ReplicaList& replicas, const OwnedBlock& owned);
  void erase_replica(BlockId block, Entry& entry, ReplicaList& replicas, std::size_t position);
  void refresh_differs(BlockId block, Entry& entry);
  Form form_of(BlockId block, const Entry& entry, NodeIndex node) const;
  void set_form(BlockId block, Entry& entry, NodeIndex node, const Form& form);
  void note_change(NodeIndex node, BlockId block);
  enum class Origin : std::uint8_t { kAcknowledged, kIncremental, kFullReport };
  void put(BlockId block, Entry& entry, ReplicaList& replicas, NodeIndex node,
           const Reported& reported, Origin origin);
  std::pair<Entries::iterator, bool> enter(BlockId block);
  std::optional<Entered> add(NodeIndex node, const Reported& reported, const OwnedBlock* owned,
                             Origin origin);
  BlockView view(BlockId block, const Entry& entry) const;

  Entries entries_;
  // Behind the last entry that a report touched, where the next one most often belongs; none after
  // entries came or went otherwise.
  std::optional<Entries::iterator> next_reported_;
  absl::flat_hash_map<BlockId, ReplicaList> overflow_;  // Looked up only, never iterated.
  absl::btree_map<std::pair<BlockId, NodeIndex>, Form> forms_;
  std::array<absl::btree_set<BlockId>, kNeeds> needing_;
  absl::btree_set<BlockId> unowned_;
  std::deque<BlockId> new_unowned_;
  std::vector<PerNode> nodes_;
  BlockMapCounts counts_;  // Without total and missing.
  bool several_racks_ = false;
  std::size_t sweep_step_;
  bool round_on_ = false;
  std::optional<BlockId> passed_;  // The last block that this round has been at.
  Swept racks_swept_ = Swept::kDone;
};

}  // namespace minidfs::metadata
