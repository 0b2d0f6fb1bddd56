#include "actors/quorum_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/leadership.hpp"
#include "actors/log_answer.hpp"
#include "actors/quorum_view.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {

using LeadershipAnswer = metadata::LeadershipAnswered::Answer;

void QuorumActorState::start(Self* self, QuorumParts parts) {
  self_ = self;
  parts_ = std::move(parts);
  takeover_.emplace(parts_.seed);
  const auto me = caf::actor_cast<QuorumActor>(self_);
  channel_ = parts_.log->add_channel([me](std::vector<consensus::Completion> completions) {
    caf::anon_send(me, LogBatch{std::move(completions)});
  });
  parts_.log->add_role_sink(
      [me](const consensus::Leading& leading) { caf::anon_send(me, LeadingTold{leading}); });
}

metadata::QuorumView QuorumActorState::view() const {
  return view_of(parts_.log->quorum(), takeover_->office_term());
}

void QuorumActorState::step(const metadata::TakeoverEvent& event) {
  const auto now = self_->clock().now();
  for (const auto& effect : takeover_->step(event, now)) {
    std::visit([this](const auto& e) { perform(e); }, effect);
  }
  // One timer too many finds nothing to do.
  const auto due = takeover_->next_wake();
  if (due.has_value()) self_->delayed_send(self_, *due - now, RetryAtom{});
}

void QuorumActorState::perform(const metadata::ConfirmState& confirm) {
  parts_.log->read_index([me = caf::actor_cast<QuorumActor>(self_),
                          number = confirm.attempt](consensus::ReadAnswer answer) {
    caf::anon_send(me, ReadConfirmed{number, std::move(answer)});
  });
}

void QuorumActorState::perform(const metadata::ReadNamespace& read) {
  self_->request(parts_.owners, caf::infinite, LeadershipsWanted{})
      .then(
          [this, attempt = read.attempt](Leaderships& leaderships) {
            read_ = std::move(leaderships);
            step(metadata::NamespaceRead{attempt, read_.history.now()});
          },
          [this, attempt = read.attempt](const caf::error& error) {
            log_error("namenode", "cannot read the last leadership: {}", from_caf(error).message);
            step(metadata::NamespaceRead{attempt, std::nullopt});
          });
}

// A full disk is no hindrance: the entry is small, and nothing goes on without it.
void QuorumActorState::perform(const metadata::LogLeadership& log) {
  metadata::BeginLeadership change;
  change.time_ms = wall_clock_ms();
  change.number = log.number;
  change.mark = mark_ = random_mark();
  if (read_.history.now().life.is_none()) change.life = random_id<metadata::LifeId>();
  parts_.log->propose(
      channel_, log.attempt,
      metadata::encode_change(metadata::Change{change}, 0, parts_.log->known_by_all()),
      consensus::Room::kReserved);
}

void QuorumActorState::perform(const metadata::TakeOffice&) {
  const auto& epoch = read_.history.now();
  log_info("namenode", "leads: leadership {} of life {}", epoch.leadership, to_string(epoch.life));
  // The block actor first: what the namespace actor passes on from then on comes behind it.
  self_->send(parts_.blocks, OfficeBegun{takeover_->office_term(), mark_, read_});
  self_->send(parts_.names, OfficeBegun{takeover_->office_term(), mark_, {}});
  if (parts_.first_office) std::exchange(parts_.first_office, {})();
}

void QuorumActorState::perform(const metadata::LeaveOffice&) {
  log_info("namenode", "leads no more");
  self_->send(parts_.names, OfficeEnded{});
  self_->send(parts_.blocks, OfficeEnded{});
}

void QuorumActorState::take_batch(LogBatch& batch) {
  for (const auto& completion : batch.completions) {
    step(metadata::LeadershipAnswered{completion.token, answer_of(completion)});
  }
}

LeadershipAnswer QuorumActorState::answer_of(const consensus::Completion& completion) const {
  const auto reply = decode_reply(completion.reply);
  Error error{Errc::kInternal, "a leadership was answered with several outcomes"};
  if (!reply.ok()) {
    error = reply.error();
  } else if (reply->outcomes.size() == 1) {
    const auto& outcome = reply->outcomes.front();
    if (outcome.ok()) return LeadershipAnswer::kLogged;
    if (outcome.code == static_cast<std::uint8_t>(Errc::kAlreadyExists))
      return LeadershipAnswer::kMarkUsed;
    error = metadata::to_result(outcome).error();
  }
  log_warn("namenode", "the leadership was not logged: {}", error.message);
  return LeadershipAnswer::kFailed;
}

QuorumActor::behavior_type quorum_actor(QuorumActor::stateful_pointer<QuorumActorState> self,
                                        QuorumParts parts) {
  auto* state = &self->state;
  state->start(self, std::move(parts));
  return {
      [state](const WhoLeads&) {
        state->lane()->leave();
        return state->view();
      },
      [state](const LeadingTold& told) {
        state->step(metadata::RoleTold{told.leading.term,
                                       told.leading.standing == consensus::Standing::kLeader});
      },
      [state](const ReadConfirmed& confirmed) {
        state->step(metadata::StateConfirmed{confirmed.number, confirmed.answer.index.ok()});
      },
      [state](LogBatch& batch) { state->take_batch(batch); },
      [state](RetryAtom) { state->step(metadata::TakeoverWoken{}); },
  };
}

}  // namespace minidfs::actors
