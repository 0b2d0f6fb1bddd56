// The part of BlockActorState that speaks with the log: commits, and the changes that the block
// manager wants.
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/block_actor.hpp"
#include "actors/commit_change.hpp"
#include "actors/leadership.hpp"
#include "actors/log_answer.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {
namespace {

// What one PurgeRemoved entry does: little enough not to hold up other changes.
constexpr std::uint32_t kPurgeLimit = 512;
// Commits that wait for reports of their blocks.
constexpr std::size_t kUnprovenMax = 10'000;

}  // namespace

// --- Commits -----------------------------------------------------------------------------------

caf::result<metadata::ChangeReply> BlockActorState::commit(CommitWrite& request) {
  auto change = change_of(request);
  if (!change.ok()) return to_caf(change.error());
  auto promise = self_->make_response_promise<metadata::ChangeReply>();
  try_commit({std::move(request), std::move(*change), promise, now()});
  return promise;
}

// The block manager sees it as a commit of the blocks.
caf::result<metadata::ChangeReply> BlockActorState::append(AppendWrite& request) {
  auto commit = commit_of(request);
  auto promise = self_->make_response_promise<metadata::ChangeReply>();
  try_commit({std::move(commit), std::move(request.change), promise, now()});
  return promise;
}

void BlockActorState::try_commit(WaitingCommit commit) {
  const auto refusal = refusal_of(commit.change);
  if (!refusal.ok()) return look_for_reply(std::move(commit), refusal);
  const auto step = manager_->commit_proposed(commit.request, commit.asked_at, now());
  if (!step.ok()) return look_for_reply(std::move(commit), step.error());
  if (*step == BlockManager::CommitStep::kWait) {
    if (!commit.is_new) return wait_for_proof(std::move(commit));
    return look_for_reply(std::move(commit), {});
  }
  Proposal proposal;
  proposal.commit = std::move(commit.request);
  proposal.promise = std::move(commit.promise);
  propose(std::move(proposal), commit.change);
}

// Why no such change is proposed, whatever has become of its blocks.
Status BlockActorState::refusal_of(const metadata::Change& change) const {
  if (manager_->is_behind()) return *manager_->refusal();
  return metadata::check_known(change, log_->known_by_all());
}

// What was applied once is answered as then, whatever has become of its blocks. Else the refusal is
// the answer, and without one the commit waits.
void BlockActorState::look_for_reply(WaitingCommit commit, Status refusal) {
  const auto shared = std::make_shared<WaitingCommit>(std::move(commit));
  shared->is_new = false;
  const auto none = [this, shared, refusal = std::move(refusal)] {
    if (refusal.ok()) return wait_for_proof(std::move(*shared));
    shared->promise.deliver(to_caf(refusal.error()));
  };
  self_->request(owners_, caf::infinite, KeptReplyOf{shared->request.change.request})
      .then(
          [shared, none](KeptReply& kept) {
            if (!kept.reply.has_value()) return none();
            shared->promise.deliver(std::move(*kept.reply));
          },
          [none](const caf::error&) { none(); });
}

void BlockActorState::wait_for_proof(WaitingCommit commit) {
  if (!manager_->in_office()) {
    commit.promise.deliver(not_leader(quorum()));
    return;
  }
  if (unproven_.size() >= kUnprovenMax) {
    commit.promise.deliver(
        to_caf({Errc::kBusy, "too many commits wait for reports of their blocks"}));
    return;
  }
  unproven_.push_back(std::move(commit));
}

void BlockActorState::try_unproven() {
  for (auto& commit : std::exchange(unproven_, {})) try_commit(std::move(commit));
}

// --- The log ---------------------------------------------------------------------------------

void BlockActorState::propose(Proposal proposal, const metadata::Change& change,
                              consensus::Room room) {
  const auto token = next_token_++;
  proposal.term = office_term_;
  proposals_.emplace(token, std::move(proposal));
  log_->propose(channel_, token,
                metadata::encode_change(change, cluster_clock_.read(now()), log_->known_by_all()),
                room);
}

// The ids of a mark are used up, or there was none: the leadership takes another one.
void BlockActorState::reserve_ids() {
  if (manager_->take_reservation() == 0) return;
  metadata::BeginLeadership change;
  change.time_ms = wall_clock_ms();
  change.number = manager_->epoch().leadership;
  change.mark = unused_mark();
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
  if (purging_ || !manager_->in_office() || manager_->is_behind()) return;
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
  // What an earlier leadership wanted for itself is of no use to this one.
  const bool is_current = proposal.term == office_term_;
  switch (proposal.kind) {
    case Proposal::Kind::kCommit:
      if (is_current) {
        manager_->commit_done(proposal.commit,
                              reply.ok() ? std::span<const metadata::Outcome>(reply->outcomes)
                                         : std::span<const metadata::Outcome>());
      }
      deliver(proposal.promise, std::move(reply), [this] { return quorum(); });
      return;
    case Proposal::Kind::kReserveIds:
      if (is_current) ids_answer(proposal, reply);
      return;
    case Proposal::Kind::kRetire:
      if (!is_current) return;
      manager_->retirement_done(reply.ok() && reply->outcomes.size() == 1 &&
                                reply->outcomes[0].ok());
      return;
    case Proposal::Kind::kDecide:
      if (reply.ok() && !proposal.forgets.is_none() && reply->outcomes.at(0).ok()) {
        manager_->forget(proposal.forgets);
      }
      deliver(proposal.promise, std::move(reply), [this] { return quorum(); });
      return;
    case Proposal::Kind::kDropStaged:
      if (is_current && !reply.ok()) manager_->drop_failed(proposal.session);
      return;
    case Proposal::Kind::kBeginLife:
      if (is_current) life_answer(proposal, reply);
      return;
    case Proposal::Kind::kPurge:
      purging_ = false;
      if (reply.ok() && purge_left_) purge();  // Else with the next tick.
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
    for (auto& allocation : waiting) {
      allocation.promise.deliver(error.code == Errc::kNotLeader ? not_leader(quorum())
                                                                : to_caf(error));
    }
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
  manager_->note_applied(effects.applied);
  if (effects.replaced) take_replacement();
  manager_->apply_effects(effects.blocks);
  manager_->note_stagings(effects.stagings);
  for (const auto& decision : effects.node_admins) note_admin(decision);
  purge_left_ = effects.purge_left;
  if (purge_left_) purge();
}

}  // namespace minidfs::actors
