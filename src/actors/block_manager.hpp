// A namenode's knowledge of blocks and datanodes, and what it does with it while it leads: grants
// to writers, locations for readers, orders for datanodes, safe mode. One that follows is told the
// same by the datanodes, and does nothing, so that it is ready when its turn comes. Joins the pure
// parts of metadata; has no thread, clock or socket of its own, so tests drive it message by
// message. Soft state: lost with the process and learnt again from the datanodes. Owned by the
// block actor.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "actors/messages.hpp"
#include "base/result.hpp"
#include "metadata/balance_run.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/block_map.hpp"
#include "metadata/block_range_set.hpp"
#include "metadata/block_report.hpp"
#include "metadata/changes.hpp"
#include "metadata/epoch.hpp"
#include "metadata/later_state.hpp"
#include "metadata/namespace_effects.hpp"
#include "metadata/namespace_history.hpp"
#include "metadata/node_registry.hpp"
#include "metadata/order_window.hpp"
#include "metadata/orphan_collector.hpp"
#include "metadata/owner_questions.hpp"
#include "metadata/placement.hpp"
#include "metadata/repair_work.hpp"
#include "metadata/replication_planner.hpp"
#include "metadata/report_grants.hpp"
#include "metadata/staged_sessions.hpp"
#include "metadata/write_sessions.hpp"

namespace minidfs::actors {

// A leadership of the namespace that was taken over.
struct Office {
  metadata::Epoch epoch;         // Which one it is, for the datanodes.
  metadata::BlockMark mark = 0;  // Of the blocks that it grants; 0: ids_reserved() brings some.
  // None: no datanode is ever found to know a later state.
  std::optional<metadata::NamespaceHistory> history;
};

struct BlockManagerOptions {
  ClusterId cluster;
  metadata::Epoch epoch;  // The last leadership that is known as it starts.
  metadata::NodeRegistryOptions nodes;
  metadata::PlacementOptions placement;
  metadata::WriteSessions::Options sessions;
  metadata::OrphanCollector::Options orphans;
  metadata::ReportGrants::Options reports;
  metadata::SafeMode::Options safe_mode;
  metadata::PlannerOptions repair;
  metadata::RepairWorkOptions repair_work;
  metadata::OrderWindow::Options orders;  // Of each datanode.
  // For so long after the start a write that could not get all its copies waits for more datanodes
  // to register instead of going ahead with fewer.
  std::chrono::milliseconds settle{1000};
  // A leadership that is younger orders nothing removed, nor one to which a live datanode has not
  // reported yet: datanodes may still carry out what an earlier one ordered.
  std::chrono::milliseconds deletes_after{5000};
  // For so long at most after the start a block without a known replica is not called lost.
  std::chrono::milliseconds gather{10'000};
  // For so long a commit whose session this process does not hold may wait for reports of its
  // blocks: three heartbeats.
  std::chrono::milliseconds report_patience{3000};
  // The rack of a machine, known by any of the names, whose datanode names none; empty where it is
  // not known.
  std::function<std::string(std::span<const std::string> names)> rack_of;
  std::uint64_t seed = 1;
};

// What the namespace says of given blocks (ids ascending): those that a file owns. Told once, at
// once or later, on the thread of the block manager; the manager asks again when it fails.
using OwnersAnswer = std::function<void(Result<std::vector<metadata::OwnedBlock>>)>;
using OwnerLookup = std::function<void(const std::vector<BlockId>&, OwnersAnswer)>;

class BlockManager {
 public:
  using TimePoint = metadata::TimePoint;

  // Follows.
  BlockManager(BlockManagerOptions options, OwnerLookup owners, TimePoint now);

  // --- Leadership (block_manager_office.cpp) ---

  // Leads from now on. What the datanodes have told counts; writers' sessions are taken over when
  // they are renewed; all datanodes owe a report. REQUIRES: not in office.
  void begin_office(Office office, TimePoint now);
  // Follows from now on: grants and orders nothing.
  void end_office();
  bool in_office() const { return in_office_; }
  // Another namenode's namespace has taken the place of the one that was known: all that is known
  // of blocks is void, all datanodes owe a report, and it is safe mode again until enough is known.
  // REQUIRES: not in office.
  void namespace_replaced();

  // --- Writers ---

  // Ids that should be reserved through the log now; 0 is none. Answered by ids_reserved() or
  // reservation_failed().
  std::uint64_t take_reservation() { return ids_.take_reservation(); }
  // The last applied change that is known, for the datanodes.
  void note_applied(std::uint64_t change) { applied_ = std::max(applied_, change); }
  const metadata::Epoch& epoch() const { return office_.epoch; }
  // The count of a mark that was taken for this leadership.
  void ids_reserved(metadata::BlockRange range);
  // A datanode has told of blocks with the mark.
  bool is_mark_elsewhere(metadata::BlockMark mark) const { return marks_elsewhere_.contains(mark); }
  void reservation_failed() { ids_.reservation_failed(); }

  // kUnavailable with `ids_exhausted()` means: ask again after ids_reserved().
  Result<WriteGrant> allocate(const AllocateBlocks& request, TimePoint now);
  bool ids_exhausted(std::uint64_t wanted) const { return ids_.remaining() < wanted; }
  Status renew(const RenewSession& request, TimePoint now);
  Status end_session(const EndSession& request);

  enum class CommitStep : std::uint8_t { kPropose, kWait };
  // May the commit be proposed to the log? Its blocks must be held by its session, here and without
  // a break, or each be reported exactly by a datanode that runs: a namenode that has just started
  // knows no session. kWait: ask again with the next tick, for at most
  // BlockManagerOptions::report_patience since `asked_at`. After kPropose the blocks cannot be
  // collected until commit_done(). Errors: kExpired when a block was given up, but kBusy while the
  // same was proposed before and is not done; kUnavailable when datanodes that may have it have not
  // reported, kInvalidArgument when the message contradicts itself or what was granted.
  Result<CommitStep> commit_proposed(const CommitWrite& request, TimePoint asked_at, TimePoint now);
  // `outcomes` as the change was answered, or empty when it was not applied. The nodes that the
  // writer names are entered when the change was applied only now and its blocks were granted here,
  // but for those that told of a loss meanwhile; who owns the blocks is said by apply_effects()
  // alone.
  void commit_done(const CommitWrite& request, std::span<const metadata::Outcome> outcomes);

  // --- Effects of applied changes ---

  // Blocks that are to be retired through the log before any replica of them is ordered removed;
  // empty when there are none or the last ones are not answered yet.
  std::vector<metadata::BlockRange> take_retirement();
  // Those were retired, but for what a file owns; or not, and will be taken again.
  void retirement_done(bool applied);

  // A session of before this process has a staged file: it goes on, with the grace from now on.
  void adopt_staged(metadata::SessionId session, ClientId client, TimePoint now);
  // Sessions that are over and have a staged file: it is to be dropped through the log.
  std::vector<metadata::SessionId> take_fallen();
  // That came to nothing, and is to be tried again.
  void drop_failed(metadata::SessionId session) { staged_.drop_failed(session); }

  // In the order of the changes, before these are answered.
  void note_stagings(std::span<const metadata::StagingEffect> effects);
  void apply_effects(std::span<const metadata::BlockEffect> effects);

  // --- Readers ---

  // Of a block without a good replica, `corrupt_ones` names those that are corrupt.
  void locate(std::vector<metadata::LocatedBlock>& blocks, const std::string& reader_host,
              bool corrupt_ones);

  // This namenode has led for a short time only, and not all datanodes that live have reported to
  // it yet: of a block that it knows no replica of there may be one. Not in safe mode, which says
  // so itself.
  bool is_gathering(TimePoint now) const;

  // --- Datanodes ---

  Result<Registered> register_node(const RegisterNode& request, TimePoint now);
  // Errors: kBusy when news of the node that came before still wait for the namespace.
  Result<HeartbeatReply> heartbeat(const Heartbeat& request, TimePoint now);
  // `answered` is told when the part has been merged, or why not: at once or later. kBusy: the part
  // before it has not been merged yet.
  using Answered = std::function<void(Status)>;
  void report(const BlockReportPart& request, TimePoint now, Answered answered);
  Status goodbye(const Goodbye& request, TimePoint now);
  // Errors: kNotFound for a process that has not registered.
  Status announce_http(const AnnounceHttp& request);
  HttpNodesReply http_nodes() const;  // Of those that live.

  // --- Lives of the namespace ---

  // Datanodes know a later state of the cluster: the namespace is read, but neither changed nor
  // anything removed, until an operator has begun another life.
  bool is_behind() const { return later_.any(); }
  // Why changes are refused, if they are: kBehind, or kSafeMode.
  std::optional<Error> refusal() const;
  // What an operator's word has the log say, but for the time, the life and the mark.
  metadata::BeginLife life_to_begin() const;
  // The log has it.
  void begin_life(const metadata::BeginLife& change, TimePoint now);

  // --- Time and administration ---

  // Call several times a second. `total_blocks` is the namespace's counter.
  void tick(std::uint64_t total_blocks, TimePoint now);
  // Does a piece of what takes long: what a change of a datanode means for its blocks. Returns
  // whether more is left.
  bool work();
  metadata::SafeMode& safe_mode() { return safe_mode_; }
  // What was decided about a node, which may not be there yet. `until` matters for maintenance.
  void set_admin(const metadata::NodeAdmin& decision, TimePoint until, TimePoint now);
  // Nothing was decided about any node.
  void forget_admins(TimePoint now);
  // kInUse for a node that lives, kNotFound for one of which nothing is known.
  Status check_forget(NodeId node) const;
  // Once its decision is gone as well: the node is not shown any more unless it registers again.
  void forget(NodeId node);
  // kInvalidArgument for a threshold that is none.
  Result<BalanceReply> balance(const BalanceRequest& request);
  // Blocks of one file; `wanted` copies of each are.
  CopiesReply count_copies(std::span<const metadata::Block> blocks, std::uint8_t wanted) const;
  // Blocks exist that the map has not heard of.
  bool knows_too_little(std::uint64_t total_blocks) const;
  // What datanodes have yet to tell this leadership, in words; empty: those that are heard of have
  // told all. One that has fallen silent is not waited for, nor are for longer than `gather` those
  // that have not registered since the start.
  std::string reports_outstanding(TimePoint now) const;
  // The first `limit` blocks of [first, last] that are not as they should be, without their paths.
  // Those of `owned` (in order of id) that the map does not know are among them.
  std::vector<BlockProblem> problems(BlockId first, BlockId last,
                                     std::span<const metadata::OwnedBlock> owned,
                                     std::size_t limit) const;
  // Has the live datanodes check their replicas, or tells how far they are.
  ScrubReply scrub(const ScrubRequest& request, std::int64_t unix_ms);
  // Fills all but what only the namespace knows.
  void fill_status(StatusReply& reply, std::uint64_t total_blocks, TimePoint now) const;

 private:
  // What a heartbeat told of the node's replicas.
  struct News {
    metadata::IncrementalReport changes;
    TimePoint told{};
  };

  // What is under way with one datanode.
  struct NodeWork {
    std::optional<metadata::ReportProgress> report;  // The full report that it is sending.
    std::vector<Answered> part_answers;  // Of its part that is being merged; empty: none is.
    std::deque<News> news;               // In order; the first one waits for the namespace.
    std::uint64_t process = 0;      // Counted: what was begun for an earlier one ends in nothing.
    metadata::OrderWindow removes;  // Sent with its heartbeats.
    std::vector<CopyOrder> copies;  // Likewise.
    ScrubState scrub;               // As it said last.
    std::optional<AnnounceHttp> http;      // Likewise: where it serves HTTP, if it does.
    std::vector<DiskState> bad_disks;      // Likewise: those that do not work.
    std::uint64_t scrub_wanted = 0;        // The request that it is to carry out.
    std::vector<metadata::Block> doubted;  // Likewise: to be told to it, kDoubtedMax at most.
  };

  Result<std::vector<metadata::NodeIndex>> targets_for(const AllocateBlocks& request,
                                                       TimePoint now);
  void note_disks(metadata::NodeIndex node, const std::vector<DiskState>& disks);
  // ", …" with the disks that keep live datanodes from taking blocks; empty when all work.
  std::string bad_disks_text() const;
  using OwnersKnown = std::function<void(std::span<const metadata::OwnedBlock>)>;
  void with_owners(std::vector<BlockId> blocks, OwnersKnown then);
  void ask_owners_again();
  void free_unowned(std::span<const BlockId> blocks, std::span<const metadata::OwnedBlock> owned);
  std::vector<BlockId> known_in(std::span<const metadata::BlockRange> ranges) const;
  bool is_unsettled(TimePoint now) const { return now - started_ < options_.deletes_after; }
  bool may_remove(TimePoint now);
  void forget_gone();
  void collect_orphans(TimePoint now);
  void note_losses(metadata::NodeIndex node, const metadata::IncrementalReport& changes);
  Error refusal_of(const std::string& path, BlockId block) const;
  void note_lost_node(metadata::NodeIndex node);
  void acknowledge(const metadata::Block& block, std::span<const NodeId> acknowledged,
                   std::span<const metadata::NodeIndex> lost);
  const metadata::Node* node_named(const std::string& host) const;
  metadata::ReplicaLocation location(metadata::NodeIndex node) const;
  void node_events(std::span<const metadata::NodeEvent> events);
  // The full report that the node owes, when it is its turn.
  struct ReportOrder {
    std::uint64_t number = 0;
    metadata::ReportPosition from;
  };
  ReportOrder order_report(metadata::NodeIndex node, TimePoint now);
  void forget_process(metadata::NodeIndex node);
  void merge_part(metadata::NodeIndex node, const metadata::ReportChunk& chunk,
                  std::span<const metadata::OwnedBlock> owned);
  void merge_news(metadata::NodeIndex node);
  void apply_news(metadata::NodeIndex node, const News& news,
                  std::span<const metadata::OwnedBlock> owned);
  void copy_failed(const CopyFailure& failure, TimePoint now);
  std::string rack_for(const RegisterNode& request) const;
  void apply_admin(metadata::NodeIndex node, TimePoint now);
  void end_decommissions();
  std::string balance_waits_for() const;
  std::string copies_wait_for(std::span<const metadata::Block> lacking, std::uint8_t wanted) const;
  void add_absent_nodes(StatusReply& reply, TimePoint now) const;
  void measure_repair(TimePoint now);
  void repair(TimePoint now);
  void send_deletes(std::span<const metadata::ReplicaDelete> deletes);
  bool still_goes(metadata::NodeIndex node, BlockId block);
  void note_merge(metadata::NodeIndex node, const metadata::MergeResult& result);
  NodeWork& work(metadata::NodeIndex node);
  bool knows_later(const RegisterNode& request);
  void avoid_marks(std::span<const metadata::BlockMark> marks);
  std::string behind_text() const;

  BlockManagerOptions options_;
  OwnerLookup owners_;
  Office office_;  // The last one.
  bool in_office_ = false;
  std::uint64_t office_number_ = 0;  // Counted: what was begun in an earlier one ends in nothing.
  bool all_reported_ = false;        // Every live datanode, in this office.
  TimePoint started_;                // The office.
  metadata::Random random_;
  metadata::NodeRegistry registry_;
  metadata::BlockMap map_;
  metadata::WriteSessions sessions_;
  metadata::StagedSessions staged_;
  metadata::OrphanCollector orphans_;
  metadata::ReportGrants grants_;
  metadata::OwnerQuestions questions_;
  // Questions that failed, until the next tick.
  std::vector<std::pair<std::vector<BlockId>, OwnersKnown>> unanswered_;
  metadata::BlockIdAllocator ids_;
  absl::flat_hash_set<metadata::BlockMark> marks_;  // Of the blocks that were granted here.
  metadata::BlockMark mark_ = 0;                    // The last one taken.
  bool mark_is_unused_ = false;                     // No id of it was granted yet.
  absl::flat_hash_set<metadata::BlockMark> marks_elsewhere_;  // That datanodes told of.
  metadata::LaterState later_;
  absl::flat_hash_set<NodeId> met_;  // That this leadership has registered.
  metadata::SafeMode safe_mode_;
  metadata::RepairWork repair_work_;
  std::vector<NodeWork> work_;  // By node index.
  // A block whose commit is in the log.
  struct Committing {
    bool added = false;  // Applied since then, and not long ago: the writer's word is fresh.
    // Accepted because a datanode has reported it: that and other reports tell who has it, and the
    // writer's word may be from before this leadership.
    bool reported = false;
    absl::InlinedVector<metadata::NodeIndex, 1> lost;  // Nodes that told of a loss since then.
  };
  absl::flat_hash_map<BlockId, Committing> committing_;
  metadata::BlockRangeSet dying_;     // To be retired.
  metadata::BlockRangeSet retiring_;  // On their way through the log.
  struct Decision {
    metadata::AdminState admin = metadata::AdminState::kInService;
    TimePoint until{};
  };
  absl::flat_hash_map<NodeId, Decision> admins_;  // Without nodes in service.
  metadata::BalanceRun balance_;                  // As was asked for last.
  std::uint64_t balance_number_ = 0;              // Of that.
  // How fast copies arrive, over the last seconds.
  struct RepairRate {
    TimePoint since{};
    std::uint64_t arrived = 0;
    double per_second = 0;
  };
  RepairRate repair_rate_;
  std::uint64_t applied_ = 0;
  std::uint64_t last_report_ = 0;
  std::uint64_t last_scrub_ = 0;
};

}  // namespace minidfs::actors
