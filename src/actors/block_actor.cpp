#include "actors/block_actor.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/leadership.hpp"
#include "base/codec.hpp"
#include "base/logging.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {
namespace {

// Inodes that one PurgeRemoved entry frees: small enough not to hold up other changes.
constexpr std::uint32_t kPurgeLimit = 512;
// Commits that wait for reports of their blocks.
constexpr std::size_t kUnprovenMax = 10'000;

// Reading a range beats single look-ups when at least one id in so many is wanted.
constexpr std::uint64_t kRangeDensity = 16;
constexpr std::uint32_t kRangePage = 4096;

metadata::OwnedBlock owned_block(const storage::OwnedBlock& row) {
  return {{row.id, row.generation, row.length}, row.replication};
}

Result<metadata::ChangeReply> decode_reply(Result<std::string> reply) {
  if (!reply.ok()) return std::move(reply).error();
  return decode<metadata::ChangeReply>(*reply, "reply of the namespace");
}

}  // namespace

void BlockActorState::start(Self* self, BlockActorParts parts) {
  self_ = self;
  log_ = parts.log;
  reader_ = std::move(parts.reader);
  tick_interval_ = parts.tick_interval;
  manager_ = std::make_unique<BlockManager>(
      std::move(parts.options), [this](std::span<const BlockId> ids) { return owners(ids); },
      now());
  const auto handle = caf::actor_cast<BlockActor>(self_);
  channel_ = log_->add_channel([handle](std::vector<consensus::Completion> completions) {
    caf::anon_send(handle, LogBatch{std::move(completions)});
  });
  const auto decisions = reader_->node_admins();
  if (decisions.ok()) {
    for (const auto& decision : *decisions) note_admin(decision);
  } else {
    log_error("namenode", "cannot read what was decided about datanodes: {}",
              decisions.error().message);
  }
  purge();
  tick();
}

BlockManager::TimePoint BlockActorState::now() const { return self_->clock().now(); }

// --- Writers ---------------------------------------------------------------------------------

caf::result<WriteGrant> BlockActorState::allocate(AllocateBlocks& request) {
  if (manager_->safe_mode().on()) {
    return to_caf({Errc::kSafeMode, "no writes in safe mode: " + manager_->safe_mode().reason()});
  }
  const std::uint64_t wanted = std::uint64_t{request.pipelines} * request.blocks_per_pipeline;
  auto grant = manager_->allocate(request, now());
  reserve_ids();
  if (grant.ok()) return std::move(grant).value();
  if (grant.error().code != Errc::kUnavailable || !manager_->ids_exhausted(wanted)) {
    return to_caf(grant.error());
  }
  auto promise = self_->make_response_promise<WriteGrant>();
  waiting_.push_back({std::move(request), promise});
  return promise;
}

caf::result<metadata::ChangeReply> BlockActorState::commit(CommitWrite& request) {
  auto promise = self_->make_response_promise<metadata::ChangeReply>();
  try_commit({std::move(request), promise, now()});
  return promise;
}

void BlockActorState::try_commit(WaitingCommit commit) {
  const auto step = manager_->commit_proposed(commit.request, commit.asked_at, now());
  if (!step.ok() || *step == BlockManager::CommitStep::kWait) {
    // What was applied once is answered as then, whatever has become of its blocks.
    auto kept = reader_->kept_reply(commit.request.change.request);
    if (kept.ok() && kept->has_value()) {
      commit.promise.deliver(std::move(**kept));
      return;
    }
  }
  if (!step.ok()) {
    commit.promise.deliver(to_caf(step.error()));
    return;
  }
  if (*step == BlockManager::CommitStep::kWait) {
    if (unproven_.size() >= kUnprovenMax) {
      commit.promise.deliver(
          to_caf({Errc::kUnavailable, "too many commits wait for reports of their blocks"}));
      return;
    }
    unproven_.push_back(std::move(commit));
    return;
  }
  Proposal proposal;
  proposal.commit = std::move(commit.request);
  proposal.promise = std::move(commit.promise);
  const metadata::Change change{proposal.commit.change};
  propose(std::move(proposal), change);
}

void BlockActorState::try_unproven() {
  for (auto& commit : std::exchange(unproven_, {})) try_commit(std::move(commit));
}

// --- The log ---------------------------------------------------------------------------------

void BlockActorState::propose(Proposal proposal, const metadata::Change& change) {
  const auto token = next_token_++;
  proposals_.emplace(token, std::move(proposal));
  log_->propose(channel_, token, metadata::encode_change(change));
}

// The ids of a mark are used up, or there was none: the leadership takes another one.
void BlockActorState::reserve_ids() {
  if (manager_->take_reservation() == 0) return;
  metadata::BeginLeadership change;
  change.time_ms = wall_clock_ms();
  change.number = manager_->epoch().leadership;
  change.mark = random_mark();
  Proposal proposal;
  proposal.kind = Proposal::Kind::kReserveIds;
  proposal.mark = change.mark;
  propose(std::move(proposal), change);
}

// With each tick, not with each change: what was freed meanwhile shares one entry.
void BlockActorState::retire() {
  auto ranges = manager_->take_retirement();
  if (ranges.empty()) return;
  Proposal proposal;
  proposal.kind = Proposal::Kind::kRetire;
  propose(std::move(proposal), metadata::RetireBlockIds{std::move(ranges)});
}

void BlockActorState::purge() {
  if (purging_) return;
  purging_ = true;
  Proposal proposal;
  proposal.kind = Proposal::Kind::kPurge;
  propose(std::move(proposal), metadata::PurgeRemoved{kPurgeLimit});
}

void BlockActorState::take_batch(LogBatch& batch) {
  for (auto& completion : batch.completions) {
    const auto found = proposals_.find(completion.token);
    MDFS_ASSERT(found != proposals_.end());
    Proposal proposal = std::move(found->second);
    proposals_.erase(found);
    answer(proposal, std::move(completion.reply));
  }
}

void BlockActorState::answer(Proposal& proposal, Result<std::string> encoded) {
  auto reply = decode_reply(std::move(encoded));
  switch (proposal.kind) {
    case Proposal::Kind::kCommit:
      manager_->commit_done(proposal.commit,
                            reply.ok() ? std::span<const metadata::Outcome>(reply->outcomes)
                                       : std::span<const metadata::Outcome>());
      if (reply.ok()) {
        proposal.promise.deliver(std::move(reply).value());
      } else {
        proposal.promise.deliver(to_caf(reply.error()));
      }
      return;
    case Proposal::Kind::kReserveIds:
      ids_answer(proposal, reply);
      return;
    case Proposal::Kind::kRetire:
      manager_->retirement_done(reply.ok() && reply->outcomes.size() == 1 &&
                                reply->outcomes[0].ok());
      return;
    case Proposal::Kind::kDecide:
      if (reply.ok() && !proposal.forgets.is_none() && reply->outcomes.at(0).ok()) {
        manager_->forget(proposal.forgets);
      }
      if (reply.ok()) {
        proposal.promise.deliver(std::move(reply).value());
      } else {
        proposal.promise.deliver(to_caf(reply.error()));
      }
      return;
    case Proposal::Kind::kPurge:
      purging_ = false;
      if (reply.ok() && removed_left_) purge();  // Else with the next tick.
      return;
  }
}

void BlockActorState::ids_answer(const Proposal& proposal,
                                 const Result<metadata::ChangeReply>& reply) {
  auto waiting = std::exchange(waiting_, {});
  if (!reply.ok() || reply->outcomes.size() != 1 || !reply->outcomes[0].ok()) {
    manager_->reservation_failed();
    const Error error =
        reply.ok() ? Error{Errc::kInternal, "block ids could not be reserved"} : reply.error();
    for (auto& allocation : waiting) allocation.promise.deliver(to_caf(error));
    return;
  }
  manager_->ids_reserved({metadata::first_of(proposal.mark), metadata::kBlockCountMax});
  for (auto& allocation : waiting) {
    auto grant = manager_->allocate(allocation.request, now());
    if (grant.ok()) {
      allocation.promise.deliver(std::move(grant).value());
    } else {
      allocation.promise.deliver(to_caf(grant.error()));
    }
  }
}

void BlockActorState::take_effects(const NamespaceEffects& effects) {
  manager_->apply_effects(effects.blocks);
  for (const auto& decision : effects.node_admins) note_admin(decision);
  removed_left_ = effects.removed_left;
  if (removed_left_) purge();
}

// --- Time and administration -------------------------------------------------------------------

void BlockActorState::tick() {
  const auto counters = reader_->counters();
  if (counters.ok()) {
    if (const auto applied = reader_->applied(); applied.ok()) manager_->note_applied(*applied);
    manager_->tick(counters->blocks, now());
  } else {
    log_error("namenode", "cannot read the namespace's counters: {}", counters.error().message);
  }
  try_unproven();
  retire();
  reserve_ids();
  if (removed_left_) purge();
  announce_safe_mode();
  self_->delayed_send(self_, tick_interval_, TickAtom{});
}

void BlockActorState::subscribe(SafeModeListener listener) {
  listener_ = std::move(listener);
  caf::anon_send(listener_,
                 SafeModeChanged{manager_->safe_mode().on(), manager_->safe_mode().reason()});
}

// Also when only the reason changes: it has counts in it.
void BlockActorState::announce_safe_mode() {
  SafeModeChanged now{manager_->safe_mode().on(), manager_->safe_mode().reason()};
  if (now == safe_mode_announced_) return;
  safe_mode_announced_ = now;
  if (listener_) caf::anon_send(listener_, std::move(now));
}

caf::result<SafeModeReply> BlockActorState::safe_mode(const SafeModeRequest& request) {
  auto& mode = manager_->safe_mode();
  if (request.action == "enter") {
    mode.enter();
  } else if (request.action == "leave") {
    mode.leave();
  } else if (request.action != "status") {
    return to_caf({Errc::kInvalidArgument,
                   "safe mode action '" + request.action + "' is none of enter, leave, status"});
  }
  announce_safe_mode();
  return SafeModeReply{mode.on(), mode.reason()};
}

Result<std::vector<metadata::OwnedBlock>> BlockActorState::owners(std::span<const BlockId> ids) {
  std::vector<metadata::OwnedBlock> owned;
  auto read = [&](BlockId first, BlockId last, std::uint32_t limit) -> Result<std::size_t> {
    MDFS_TRY(const auto page, reader_->blocks_between(first, last, limit));
    for (const auto& row : page) owned.push_back(owned_block(row));
    return page.size();
  };
  if (ids.empty()) return owned;
  if ((ids.back().value - ids.front().value) / kRangeDensity >= ids.size()) {
    for (const auto id : ids) {
      if (auto count = read(id, id, 1); !count.ok()) return std::move(count).error();
    }
    return owned;
  }
  for (BlockId from = ids.front(); from <= ids.back();) {
    MDFS_TRY(const auto count, read(from, ids.back(), kRangePage));
    if (count < kRangePage) break;
    from = BlockId{owned.back().block.id.value + 1};
  }
  return owned;
}

// --- The behaviour -----------------------------------------------------------------------------

namespace {

template <class Reply>
caf::result<Reply> to_result(Result<Reply> result) {
  if (!result.ok()) return to_caf(result.error());
  return std::move(result).value();
}

caf::result<Accepted> accepted(const Status& status) {
  if (!status.ok()) return to_caf(status.error());
  return Accepted{};
}

}  // namespace

BlockActor::behavior_type block_actor(BlockActor::stateful_pointer<BlockActorState> self,
                                      std::shared_ptr<BlockActorParts> parts) {
  auto* state = &self->state;
  state->start(self, std::move(*parts));
  return {
      [state](FillFile& request) -> LocatedFile {
        state->manager().locate(request.file.blocks, request.reader_host, request.corrupt_ones);
        return std::move(request.file);
      },
      [state](FillDirectory& request) -> LocateDirectoryReply {
        for (auto& entry : request.page.entries) {
          state->manager().locate(entry.blocks, request.reader_host, false);
        }
        return std::move(request.page);
      },
      [state](const CountCopies& request) {
        return state->manager().count_copies(request.blocks, request.wanted);
      },
      [state](const DecideNode& request) { return state->decide(request); },
      [state](AllocateBlocks& request) { return state->allocate(request); },
      [state](CommitWrite& request) { return state->commit(request); },
      [state](const RenewSession& request) {
        return accepted(state->manager().renew(request, state->now()));
      },
      [state](const EndSession& request) {
        return accepted(state->manager().end_session(request, state->now()));
      },
      [state](const RegisterNode& request) {
        return to_result(state->manager().register_node(request, state->now()));
      },
      [state](const Heartbeat& request) {
        return to_result(state->manager().heartbeat(request, state->now()));
      },
      [state](const BlockReportPart& request) {
        return accepted(state->manager().report(request, state->now()));
      },
      [state](const Goodbye& request) {
        return accepted(state->manager().goodbye(request, state->now()));
      },
      [state](const StatusRequest&) { return state->status(); },
      [state](const SafeModeRequest& request) { return state->safe_mode(request); },
      [state](const BalanceRequest& request) {
        return to_result(state->manager().balance(request));
      },
      [state](const CheckBlocksRequest& request) { return state->check_blocks(request); },
      [state](const ScrubRequest& request) { return state->scrub(request); },
      [state](LogBatch& batch) { state->take_batch(batch); },
      [state](const NamespaceEffects& effects) { state->take_effects(effects); },
      [state](SubscribeAtom, const SafeModeListener& listener) { state->subscribe(listener); },
      [state](TickAtom) { state->tick(); },
  };
}

}  // namespace minidfs::actors
