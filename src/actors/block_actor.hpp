// The actor that owns the block manager: grants, commits, locations, datanodes. Detached, because
// it computes; it waits for no disk: what it has to know of the namespace the owner actor reads for
// it.
//
// Three lanes come together here. Signs of life of datanodes pass all others (request_switch.hpp).
// Clients, operators and the log come in the order of the mailbox, and each of them is short. What
// is long (parts of full reports, the sweep after a node's death) is put aside and done piece by
// piece, each piece behind whatever has arrived meanwhile: so nobody waits for more than one of
// them.
//
//   registers ──> RegisterNode ─> BlockReportPart* ─> Heartbeat*       (each datanode)
//   writers  ──> AllocateBlocks ─> [data plane] ─> CommitWrite ─> log ─> LogBatch ─> reply
//   log      ──> NamespaceEffects (freed blocks, …) ─> orders in heartbeat answers
//
// While the namenode follows another one datanodes are served, so that it is ready, and of others
// only reads that may be as old as its state is.
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "actors/block_manager.hpp"
#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "actors/owner_actor.hpp"
#include "actors/request_lane.hpp"
#include "consensus/log.hpp"
#include "metadata/namespace_table.hpp"
#include "metadata/namespace_times.hpp"

namespace minidfs::actors {

using TickAtom = caf::atom_constant<caf::atom("tick")>;
using WorkAtom = caf::atom_constant<caf::atom("work")>;
using SubscribeAtom = caf::atom_constant<caf::atom("subscribe")>;

// Told when safe mode is entered or left.
using SafeModeListener = caf::typed_actor<caf::reacts_to<SafeModeChanged>>;

using BlockActor = ServedByBlocks::extend_with<ServedByBoth>::extend<
    // What the process itself sends, and what version 2 has added.
    Asked<FillFile>::with<LocatedFile>, Asked<FillDirectory>::with<LocateDirectoryReply>,
    Asked<CountCopies>::with<CopiesReply>, Asked<AppendWrite>::with<metadata::ChangeReply>,
    Asked<HttpNodesRequest>::with<HttpNodesReply>, caf::replies_to<AnnounceHttp>::with<Accepted>,
    caf::reacts_to<LogBatch>, caf::reacts_to<NamespaceEffects>, caf::reacts_to<OfficeBegun>,
    caf::reacts_to<OfficeEnded>, caf::reacts_to<ReadConfirmed>,
    caf::reacts_to<SubscribeAtom, SafeModeListener>, caf::reacts_to<TickAtom>,
    caf::reacts_to<WorkAtom>>;

// What the wiring hands to the actor. The log outlives the actor.
struct BlockActorParts {
  BlockManagerOptions options;
  consensus::Log* log = nullptr;
  OwnerActor owners;
  std::string directory;  // Of the namenode, for operators.
  NamespaceFacts facts;   // As the actor starts.
  NamenodeLanes lanes;
  std::chrono::milliseconds tick_interval{250};
  // Whether messages of datanodes are taken from this node; null: from any.
  std::function<bool(const caf::node_id&)> speaks_for_datanodes;
  bool asks_secret = false;  // Of those who connect; for operators.
  // Whom the namenode's own HTTP lets in, likewise; null: it is off. Called on the actor's thread.
  std::function<HttpAccess()> http_access;
  // Notes another life in the namenode's directory. Called on the actor's thread.
  std::function<Status(metadata::LifeId)> note_life;
};

class BlockActorState {
 public:
  static inline const char* name = "blocks";

  using Self = BlockActor::stateful_base<BlockActorState>;

  void start(Self* self, BlockActorParts parts);

  caf::result<WriteGrant> allocate(AllocateBlocks& request);
  caf::result<metadata::ChangeReply> commit(CommitWrite& request);
  caf::result<metadata::ChangeReply> stage(StageWrite& request);
  caf::result<metadata::ChangeReply> append(AppendWrite& request);
  caf::result<StatusReply> status(const Patience& patience);
  HttpNodesReply http_nodes() const;
  caf::result<metadata::ChangeReply> decide(const DecideNode& request);
  caf::result<SafeModeReply> safe_mode(const SafeModeRequest& request);
  caf::result<CheckBlocksReply> check_blocks(const CheckBlocksRequest& request);
  ScrubReply scrub(const ScrubRequest& request);
  caf::result<Accepted> report(BlockReportPart& request);
  // Why the blocks that were located are not to be told: one that was not found may be soon, or
  // the one that leads knows where.
  std::optional<caf::error> refuse_unfound(const std::vector<metadata::LocatedBlock>& blocks);
  void work();
  void take_batch(LogBatch& batch);
  void take_effects(const NamespaceEffects& effects);
  void begin_office(OfficeBegun& begun);
  void end_office();
  void take_confirmation(ReadConfirmed& confirmed);
  void subscribe(SafeModeListener listener);
  // Tells the listener when it has changed.
  void announce_safe_mode();
  void purge();
  void tick();

  BlockManager& manager() { return *manager_; }
  const NamenodeLanes& lanes() const { return lanes_; }
  // The actor's own time.
  BlockManager::TimePoint now();
  std::optional<caf::error> refuse(const Patience& patience);
  std::optional<caf::error> refuse_read(const Patience& patience);
  // Of a message that only datanodes may send: why the sender of the present one may not.
  std::optional<Error> refuse_sender();
  metadata::QuorumView quorum() const;

 private:
  // What a token of the log stands for.
  struct Proposal {
    enum class Kind : std::uint8_t {
      kCommit,
      kReserveIds,
      kPurge,
      kRetire,
      kDecide,
      kDropStaged,
      kBeginLife
    };
    Kind kind = Kind::kCommit;
    std::uint64_t term = 0;         // Of the office in which it was proposed.
    metadata::BlockMark mark = 0;   // Of more ids.
    metadata::SessionId session{};  // Whose staged file is dropped.
    CommitWrite commit;
    NodeId forgets;            // Once that is decided.
    metadata::BeginLife life;  // That begins.
    caf::typed_response_promise<metadata::ChangeReply> promise;
  };
  struct WaitingAllocation {
    AllocateBlocks request;
    caf::typed_response_promise<WriteGrant> promise;
  };

  // A commit of a session that this process does not hold, until its blocks are reported.
  struct WaitingCommit {
    CommitWrite request;
    metadata::Change change;  // What is proposed.
    caf::typed_response_promise<metadata::ChangeReply> promise;
    BlockManager::TimePoint asked_at{};
    bool is_new = true;  // Nobody has looked for a kept reply yet.
  };

  void try_commit(WaitingCommit commit);
  Status refusal_of(const metadata::Change& change) const;
  void look_for_reply(WaitingCommit commit, Status refusal);
  void wait_for_proof(WaitingCommit commit);
  void try_unproven();
  void ask_owners(const std::vector<BlockId>& ids, OwnersAnswer answer);
  void ask_facts();
  void tell_status(caf::typed_response_promise<StatusReply> promise);
  void note_life(metadata::LifeId life);
  void note_silence();
  std::chrono::milliseconds silence();
  StatusReply status_reply(std::chrono::milliseconds silent);
  void note_admin(const metadata::NodeAdmin& decision);
  void tell_problems(BlockId from, bool whole_page, std::vector<metadata::OwnedBlock> page,
                     caf::typed_response_promise<CheckBlocksReply> promise);
  void take_replacement();
  void work_later();
  void take_part();
  void propose(Proposal proposal, const metadata::Change& change,
               consensus::Room room = consensus::Room::kFree);
  SafeModeChanged safe_mode_state() const;
  caf::result<SafeModeReply> accept_namespace();
  void propose_life();
  void life_answer(const Proposal& proposal, const Result<metadata::ChangeReply>& reply);
  void begin_life(const metadata::BeginLife& change);
  metadata::BlockMark unused_mark() const;
  void reserve_ids();
  void retire();
  void drop_staged();
  void answer(Proposal& proposal, Result<std::string> reply);
  void ids_answer(const Proposal& proposal, const Result<metadata::ChangeReply>& reply);

  Self* self_ = nullptr;
  consensus::Log* log_ = nullptr;
  consensus::ChannelId channel_ = 0;
  OwnerActor owners_;
  NamespaceFacts facts_;
  metadata::ClusterClock cluster_clock_;
  std::optional<BlockManager::TimePoint> facts_asked_at_;  // And not answered yet.
  bool silence_told_ = false;                              // Of the disk, in the log.
  std::string directory_;
  NamenodeLanes lanes_;
  std::optional<RequestScreen> screen_;
  std::unique_ptr<BlockManager> manager_;
  absl::flat_hash_map<std::uint64_t, Proposal> proposals_;
  std::vector<WaitingAllocation> waiting_;
  // Who asked for the status, by the number under which the log was asked.
  absl::flat_hash_map<std::uint64_t, caf::typed_response_promise<StatusReply>> asked_status_;
  std::vector<WaitingCommit> unproven_;
  struct WaitingPart {
    BlockReportPart request;
    caf::typed_response_promise<Accepted> promise;
  };
  std::deque<WaitingPart> parts_;  // Of full reports.
  bool working_ = false;           // A WorkAtom is on its way.
  SafeModeListener listener_;
  std::chrono::milliseconds tick_interval_{};
  std::function<bool(const caf::node_id&)> speaks_for_datanodes_;
  bool asks_secret_ = false;
  std::function<HttpAccess()> http_access_;
  std::uint64_t next_token_ = 1;
  SafeModeChanged safe_mode_announced_{true, "", false};
  std::vector<caf::typed_response_promise<SafeModeReply>> accepting_;
  std::function<Status(metadata::LifeId)> note_life_;
  std::uint64_t office_term_ = 0;  // 0: this namenode does not lead.
  bool purge_left_ = true;         // As the last effects said; nobody knows before the first purge.
  bool purging_ = false;
  bool replaced_ = false;  // The namespace was, while this namenode still took itself for leading.
};

BlockActor::behavior_type block_actor(BlockActor::stateful_pointer<BlockActorState> self,
                                      std::shared_ptr<BlockActorParts> parts);

}  // namespace minidfs::actors
