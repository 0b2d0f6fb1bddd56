// The part of the block actor that has to do with lives of the namespace: it takes the operator's
// word that this namespace counts although the datanodes know a later state of the cluster.
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/block_actor.hpp"
#include "actors/leadership.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {

SafeModeChanged BlockActorState::safe_mode_state() const {
  const auto refusal = manager_->refusal();
  if (!refusal) return {};
  if (refusal->code == Errc::kBehind) return {true, refusal->message, true};
  return {true, manager_->safe_mode().reason(), false};
}

caf::result<SafeModeReply> BlockActorState::safe_mode(const SafeModeRequest& request) {
  auto& mode = manager_->safe_mode();
  const bool accept = request.action == "accept";
  if (accept && manager_->is_behind()) return accept_namespace();
  if (request.action == "enter") {
    mode.enter();
  } else if (request.action == "leave" || accept) {
    if (manager_->is_behind()) return to_caf(*manager_->refusal());
    mode.leave();
  } else if (request.action != "status") {
    return to_caf({Errc::kInvalidArgument, "safe mode action '" + request.action +
                                               "' is none of enter, leave, accept, status"});
  }
  announce_safe_mode();
  const auto state = safe_mode_state();
  return SafeModeReply{state.on, state.reason, state.behind};
}

// Durable, and so said for good, once the log has the entry: a namenode that is killed before is
// behind at its next start as well, and one that is killed afterwards is not.
caf::result<SafeModeReply> BlockActorState::accept_namespace() {
  auto promise = self_->make_response_promise<SafeModeReply>();
  accepting_.push_back(promise);
  if (accepting_.size() == 1) propose_life();
  return promise;
}

void BlockActorState::propose_life() {
  auto change = manager_->life_to_begin();
  change.time_ms = wall_clock_ms();
  change.life = random_id<metadata::LifeId>();
  change.mark = unused_mark();
  Proposal proposal;
  proposal.kind = Proposal::Kind::kBeginLife;
  proposal.life = change;
  propose(std::move(proposal), metadata::Change{std::move(change)}, consensus::Room::kReserved);
}

void BlockActorState::life_answer(const Proposal& proposal,
                                  const Result<metadata::ChangeReply>& reply) {
  Status status;
  if (!reply.ok()) {
    status = reply.error();
  } else if (reply->outcomes.size() != 1) {
    status = Error{Errc::kInternal, "the beginning of a life was not answered"};
  } else if (reply->outcomes[0].code == static_cast<std::uint8_t>(Errc::kAlreadyExists)) {
    return propose_life();  // Blocks have this mark.
  } else if (const auto result = metadata::to_result(reply->outcomes[0]); !result.ok()) {
    status = result.error();
  } else {
    begin_life(proposal.life);
  }
  announce_safe_mode();
  for (auto& promise : std::exchange(accepting_, {})) {
    if (status.ok()) {
      const auto state = safe_mode_state();
      promise.deliver(SafeModeReply{state.on, state.reason, state.behind});
    } else if (status.error().code == Errc::kNotLeader) {
      promise.deliver(not_leader(quorum()));
    } else {
      promise.deliver(to_caf(status.error()));
    }
  }
}

void BlockActorState::begin_life(const metadata::BeginLife& change) {
  manager_->begin_life(change, now());
  note_life(change.life);
}

void BlockActorState::note_life(metadata::LifeId life) {
  if (!note_life_) return;
  // The database is what counts; the next start notes it anew.
  if (const auto noted = note_life_(life); !noted.ok()) {
    log_warn("namenode", "the new life is not noted in the directory yet: {}",
             noted.error().message);
  }
}

// A random one that no datanode has told of.
metadata::BlockMark BlockActorState::unused_mark() const {
  for (;;) {
    const auto mark = random_mark();
    if (!manager_->is_mark_elsewhere(mark)) return mark;
  }
}

}  // namespace minidfs::actors
