// The actor that owns the block manager: grants, commits, locations, datanodes. Detached, because
// it reads the namespace database when it merges reports.
//
//   registers ──> RegisterNode ─> BlockReportPart* ─> Heartbeat*       (each datanode)
//   writers  ──> AllocateBlocks ─> [data plane] ─> CommitWrite ─> log ─> LogBatch ─> reply
//   log      ──> NamespaceEffects (freed blocks, …) ─> orders in heartbeat answers
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "actors/block_manager.hpp"
#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "consensus/log.hpp"
#include "storage/namespace/namespace_reader.hpp"

namespace minidfs::actors {

using TickAtom = caf::atom_constant<caf::atom("tick")>;
using SubscribeAtom = caf::atom_constant<caf::atom("subscribe")>;

// Told when safe mode is entered or left.
using SafeModeListener = caf::typed_actor<caf::reacts_to<SafeModeChanged>>;

using BlockActor = caf::typed_actor<
    caf::replies_to<FillFile>::with<LocatedFile>,
    caf::replies_to<FillDirectory>::with<LocateDirectoryReply>,
    caf::replies_to<CountCopies>::with<CopiesReply>,
    caf::replies_to<DecideNode>::with<metadata::ChangeReply>,
    caf::replies_to<AllocateBlocks>::with<WriteGrant>,
    caf::replies_to<CommitWrite>::with<metadata::ChangeReply>,
    caf::replies_to<RenewSession>::with<Accepted>, caf::replies_to<EndSession>::with<Accepted>,
    caf::replies_to<RegisterNode>::with<Registered>,
    caf::replies_to<Heartbeat>::with<HeartbeatReply>,
    caf::replies_to<BlockReportPart>::with<Accepted>, caf::replies_to<Goodbye>::with<Accepted>,
    caf::replies_to<StatusRequest>::with<StatusReply>,
    caf::replies_to<SafeModeRequest>::with<SafeModeReply>,
    caf::replies_to<BalanceRequest>::with<BalanceReply>,
    caf::replies_to<CheckBlocksRequest>::with<CheckBlocksReply>,
    caf::replies_to<ScrubRequest>::with<ScrubReply>, caf::reacts_to<LogBatch>,
    caf::reacts_to<NamespaceEffects>, caf::reacts_to<SubscribeAtom, SafeModeListener>,
    caf::reacts_to<TickAtom>>;

// What the wiring hands to the actor. The log outlives the actor.
struct BlockActorParts {
  BlockManagerOptions options;
  consensus::Log* log = nullptr;
  std::unique_ptr<storage::NamespaceReader> reader;
  std::chrono::milliseconds tick_interval{250};
};

class BlockActorState {
 public:
  static inline const char* name = "blocks";

  using Self = BlockActor::stateful_base<BlockActorState>;

  void start(Self* self, BlockActorParts parts);

  caf::result<WriteGrant> allocate(AllocateBlocks& request);
  caf::result<metadata::ChangeReply> commit(CommitWrite& request);
  caf::result<StatusReply> status();
  caf::result<metadata::ChangeReply> decide(const DecideNode& request);
  caf::result<SafeModeReply> safe_mode(const SafeModeRequest& request);
  caf::result<CheckBlocksReply> check_blocks(const CheckBlocksRequest& request);
  ScrubReply scrub(const ScrubRequest& request);
  void take_batch(LogBatch& batch);
  void take_effects(const NamespaceEffects& effects);
  void subscribe(SafeModeListener listener);
  void purge();
  void tick();

  BlockManager& manager() { return *manager_; }
  BlockManager::TimePoint now() const;

 private:
  // What a token of the log stands for.
  struct Proposal {
    enum class Kind : std::uint8_t { kCommit, kReserveIds, kPurge, kRetire, kDecide };
    Kind kind = Kind::kCommit;
    metadata::BlockMark mark = 0;  // Of more ids.
    CommitWrite commit;
    NodeId forgets;  // Once that is decided.
    caf::typed_response_promise<metadata::ChangeReply> promise;
  };
  struct WaitingAllocation {
    AllocateBlocks request;
    caf::typed_response_promise<WriteGrant> promise;
  };

  // A commit of a session that this process does not hold, until its blocks are reported.
  struct WaitingCommit {
    CommitWrite request;
    caf::typed_response_promise<metadata::ChangeReply> promise;
    BlockManager::TimePoint asked_at{};
  };

  void try_commit(WaitingCommit commit);
  void try_unproven();
  Result<std::vector<metadata::OwnedBlock>> owners(std::span<const BlockId> ids);
  void note_admin(const metadata::NodeAdmin& decision);
  Result<CheckBlocksReply> problems_from(BlockId from);
  void propose(Proposal proposal, const metadata::Change& change);
  void reserve_ids();
  void retire();
  void answer(Proposal& proposal, Result<std::string> reply);
  void ids_answer(const Proposal& proposal, const Result<metadata::ChangeReply>& reply);
  void announce_safe_mode();

  Self* self_ = nullptr;
  consensus::Log* log_ = nullptr;
  consensus::ChannelId channel_ = 0;
  std::unique_ptr<storage::NamespaceReader> reader_;
  std::unique_ptr<BlockManager> manager_;
  absl::flat_hash_map<std::uint64_t, Proposal> proposals_;
  std::vector<WaitingAllocation> waiting_;
  std::vector<WaitingCommit> unproven_;
  SafeModeListener listener_;
  std::chrono::milliseconds tick_interval_{};
  std::uint64_t next_token_ = 1;
  SafeModeChanged safe_mode_announced_{true, ""};
  bool removed_left_ = true;  // As the last effects said; nobody knows before the first purge.
  bool purging_ = false;
};

BlockActor::behavior_type block_actor(BlockActor::stateful_pointer<BlockActorState> self,
                                      std::shared_ptr<BlockActorParts> parts);

}  // namespace minidfs::actors
