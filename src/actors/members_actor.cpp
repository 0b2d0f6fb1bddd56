#include "actors/members_actor.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>
#include <variant>

#include "actors/log_answer.hpp"
#include "actors/quorum_view.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"

namespace minidfs::actors {
namespace {

using consensus::MemberRole;
using consensus::MemberState;
using consensus::Standing;

// For the names of a joiner and of the members.
constexpr std::chrono::seconds kLookUpPatience{1};

const char* text_of(MemberState state) {
  switch (state) {
    case MemberState::kUnknown:
      return "unknown";
    case MemberState::kLeader:
      return "leader";
    case MemberState::kFollower:
      return "follower";
    case MemberState::kSeeding:
      return "seeding";
    case MemberState::kUnreachable:
      return "unreachable";
  }
  return "unknown";
}

const char* text_of(NamespaceDigests::State state) {
  switch (state) {
    case NamespaceDigests::State::kUnknown:
      return "unknown";
    case NamespaceDigests::State::kPending:
      return "pending";
    case NamespaceDigests::State::kDone:
      return "done";
    case NamespaceDigests::State::kFailed:
      return "failed";
  }
  return "unknown";
}

MemberReport report_of(const consensus::MemberStatus& status) {
  return {status.member.id,
          status.member.address,
          status.role == MemberRole::kVoter,
          text_of(status.state),
          status.replaces,
          status.applied,
          status.lag,
          status.version};
}

}  // namespace

void MembersActorState::start(Self* self, MembersParts parts) {
  self_ = self;
  parts_ = std::move(parts);
  led_since_ = Clock::now();
  const auto me = caf::actor_cast<MembersActor>(self_);
  channel_ = parts_.log->add_channel([me](std::vector<consensus::Completion> completions) {
    caf::anon_send(me, LogBatch{std::move(completions)});
  });
  parts_.log->add_role_sink(
      [me](const consensus::Leading& leading) { caf::anon_send(me, LeadingTold{leading}); });
}

// --- Joining -----------------------------------------------------------------------------------

caf::result<Joined> MembersActorState::join(const JoinCluster& wish) {
  const auto& asker = self_->current_sender();
  if (!asker || !parts_.is_namenode(asker->node())) {
    return to_caf({Errc::kPermissionDenied, "only namenodes join the namenodes"});
  }
  auto promise = self_->make_response_promise<Joined>();
  go_on({wish, promise});
  return promise;
}

void MembersActorState::go_on(Joining joining) {
  auto& promise = joining.promise;
  const auto& wish = joining.wish;
  const auto status = parts_.log->quorum();
  if (status.leading.standing != Standing::kLeader) {
    promise.deliver(not_led_by_log(status));
    return;
  }
  if (const auto written = parts_.log->known_by_all(); wish.version < written) {
    promise.deliver(to_caf(
        {Errc::kUnsupported, "the namenodes' log is written in version " + std::to_string(written) +
                                 " of the interface, and the one that would join speaks version " +
                                 std::to_string(wish.version)}));
    return;
  }
  auto decision =
      decide_join(status, {wish.member, wish.address}, joining.hosts.value_or(LocalHosts{}));
  if (!decision.ok() && (joining.hosts || decision.error().code != Errc::kInvalidArgument)) {
    promise.deliver(to_caf(decision.error()));
  } else if (const auto* before = decision.ok() ? std::get_if<JoinedBefore>(&*decision) : nullptr) {
    promise.deliver(Joined{parts_.cluster, before->since});
  } else if (!joining.hosts) {
    look_up_hosts(status, std::move(joining));
  } else if (const auto* drop = std::get_if<DropLearner>(&*decision)) {
    log_info("namenode", "member {} did not get to join, and makes room", hex_64(drop->member));
    change(consensus::RemoveMember{drop->member},
           [this, joining](consensus::ChangeAnswer& answer) mutable {
             if (answer.index.ok()) return go_on(std::move(joining));
             joining.promise.deliver(error_of_log(answer.index.error(), *parts_.log));
           });
  } else {
    add(std::get<consensus::AddLearner>(*decision), promise);
  }
}

void MembersActorState::add(const consensus::AddLearner& add,
                            caf::typed_response_promise<Joined> promise) {
  change(add, [this, add, promise](consensus::ChangeAnswer& answer) mutable {
    if (!answer.index.ok()) {
      promise.deliver(error_of_log(answer.index.error(), *parts_.log));
      return;
    }
    log_info("namenode", "member {} at {} joins by entry {}{}", hex_64(add.member.id),
             add.member.address, *answer.index,
             add.replaces == 0 ? "" : ", in the place of member " + hex_64(add.replaces));
    promise.deliver(Joined{parts_.cluster, *answer.index});
  });
}

// A resolver may take its time, and this actor has others to serve. What is not known soon is
// decided by the addresses as they are written.
void MembersActorState::look_up_hosts(const consensus::QuorumStatus& status, Joining joining) {
  std::vector<std::string> addresses{joining.wish.address};
  for (const auto& each : status.members) addresses.push_back(each.member.address);
  const auto ticket = ++last_ticket_;
  look_ups_[ticket] = std::move(joining);
  // A look-up that hangs may outlive this actor.
  parts_.find_local_hosts(
      addresses, [weak = caf::actor_cast<caf::weak_actor_ptr>(self_), ticket](LocalHosts hosts) {
        const auto me = weak.lock();
        if (!me) return;
        caf::anon_send(caf::actor_cast<MembersActor>(me), HostsKnown{ticket, std::move(hosts)});
      });
  self_->delayed_send(self_, kLookUpPatience, HostsKnown{ticket, {}});
}

void MembersActorState::take(HostsKnown& known) {
  auto waiting = look_ups_.extract(known.ticket);
  if (waiting.empty()) return;
  waiting.mapped().hosts = std::move(known.hosts);
  go_on(std::move(waiting.mapped()));
}

void MembersActorState::change(consensus::MembersChange change, Ended ended) {
  const auto ticket = ++last_ticket_;
  changes_[ticket] = std::move(ended);
  parts_.log->change_members(std::move(change), [me = caf::actor_cast<MembersActor>(self_),
                                                 ticket](consensus::ChangeAnswer answer) {
    caf::anon_send(me, MembersChanged{ticket, std::move(answer)});
  });
}

void MembersActorState::take(MembersChanged& changed) {
  auto ended = changes_.extract(changed.ticket);
  if (!ended.empty()) ended.mapped()(changed.answer);
}

// --- Operators ---------------------------------------------------------------------------------

caf::result<QuorumReply> MembersActorState::quorum(const QuorumRequest& request) {
  const auto status = parts_.log->quorum();
  if (!request.own_view && status.leading.standing != Standing::kLeader) {
    return not_led_by_log(status);
  }
  QuorumReply reply;
  reply.cluster = parts_.cluster;
  reply.self = status.self;
  reply.leader = status.leading.leader.id;
  reply.term = status.leading.term;
  reply.led_for_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - led_since_).count());
  for (const auto& each : status.members) reply.members.push_back(report_of(each));
  return reply;
}

void MembersActorState::take(const LeadingTold& told) {
  const bool same =
      told.leading.term == leading_.term && told.leading.leader.id == leading_.leader.id;
  leading_ = told.leading;
  if (!same) led_since_ = Clock::now();
}

caf::result<Accepted> MembersActorState::transfer(const TransferLeadership& wish) {
  const auto status = parts_.log->quorum();
  if (status.leading.standing != Standing::kLeader) {
    return not_led_by_log(status);
  }
  if (wish.member == status.self) return Accepted{};
  std::size_t others = 0;
  bool known = false;
  for (const auto& each : status.members) {
    if (each.member.id == status.self || each.role != MemberRole::kVoter) continue;
    ++others;
    known |= each.member.id == wish.member;
  }
  if (others == 0) {
    return to_caf({Errc::kInvalidArgument, "there is no other voter that could lead"});
  }
  if (wish.member != 0 && !known) {
    return to_caf({Errc::kNotFound, "no voter has the id " + hex_64(wish.member)});
  }
  const auto ticket = ++last_ticket_;
  auto promise = self_->make_response_promise<Accepted>();
  transfers_[ticket] = promise;
  parts_.log->transfer(wish.member,
                       [me = caf::actor_cast<MembersActor>(self_), ticket](Status outcome) {
                         caf::anon_send(me, LeadershipMoved{ticket, std::move(outcome)});
                       });
  return promise;
}

void MembersActorState::take(LeadershipMoved& moved) {
  auto promise = transfers_.extract(moved.ticket);
  if (promise.empty()) return;
  if (moved.outcome.ok()) {
    promise.mapped().deliver(Accepted{});
  } else {
    promise.mapped().deliver(error_of_log(moved.outcome.error(), *parts_.log));
  }
}

caf::result<Accepted> MembersActorState::remove(const RemoveNamenode& wish) {
  const auto status = parts_.log->quorum();
  if (status.leading.standing != Standing::kLeader) {
    return not_led_by_log(status);
  }
  auto promise = self_->make_response_promise<Accepted>();
  change(consensus::RemoveMember{wish.member}, [this, wish,
                                                promise](consensus::ChangeAnswer& answer) mutable {
    if (!answer.index.ok()) {
      promise.deliver(error_of_log(answer.index.error(), *parts_.log));
      return;
    }
    log_info("namenode", "member {} was removed by entry {}", hex_64(wish.member), *answer.index);
    promise.deliver(Accepted{});
  });
  return promise;
}

// --- Digests -----------------------------------------------------------------------------------

caf::result<MarkedForDigests> MembersActorState::mark() {
  const auto mark = random_128().low;
  auto promise = self_->make_response_promise<MarkedForDigests>();
  marks_[mark] = promise;
  parts_.log->propose(channel_, mark,
                      metadata::encode_change(metadata::Change{metadata::MarkNamespace{mark}}, 0,
                                              parts_.log->known_by_all()),
                      consensus::Room::kReserved);
  return promise;
}

void MembersActorState::take(LogBatch& batch) {
  for (auto& completion : batch.completions) {
    auto promise = marks_.extract(completion.token);
    if (promise.empty()) continue;
    const auto reply = decode_reply(std::move(completion.reply));
    if (!reply.ok()) {
      promise.mapped().deliver(error_of_log(reply.error(), *parts_.log));
    } else {
      promise.mapped().deliver(MarkedForDigests{completion.token});
    }
  }
}

DigestReply MembersActorState::digest(const DigestRequest& request) const {
  const auto digest = parts_.digests->find(request.mark);
  return {parts_.log->self(), text_of(digest.state), digest.change, digest.sum, digest.problem};
}

MembersActor::behavior_type members_actor(MembersActor::stateful_pointer<MembersActorState> self,
                                          MembersParts parts) {
  auto* state = &self->state;
  state->start(self, std::move(parts));
  const auto& lane = state->lane();
  return {
      asked<JoinCluster>(state, lane,
                         [state](const JoinCluster& wish) { return state->join(wish); }),
      asked<QuorumRequest>(
          state, lane, [state](const QuorumRequest& request) { return state->quorum(request); }),
      asked<TransferLeadership>(
          state, lane, [state](const TransferLeadership& wish) { return state->transfer(wish); }),
      asked<RemoveNamenode>(state, lane,
                            [state](const RemoveNamenode& wish) { return state->remove(wish); }),
      asked<MarkForDigests>(state, lane, [state](const MarkForDigests&) { return state->mark(); }),
      asked<DigestRequest>(
          state, lane, [state](const DigestRequest& request) { return state->digest(request); }),
      [state](MembersChanged& changed) { state->take(changed); },
      [state](HostsKnown& known) { state->take(known); },
      [state](LeadershipMoved& moved) { state->take(moved); },
      [state](const LeadingTold& told) { state->take(told); },
      [state](LogBatch& batch) { state->take(batch); },
  };
}

}  // namespace minidfs::actors
