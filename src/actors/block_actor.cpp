#include "actors/block_actor.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/leadership.hpp"
#include "actors/old_reads.hpp"
#include "actors/quorum_view.hpp"
#include "actors/request_switch.hpp"
#include "base/codec.hpp"
#include "base/logging.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {
namespace {

// A disk that answers nothing for so long is named in the log.
constexpr std::chrono::milliseconds kSilenceTold{10'000};

}  // namespace

void BlockActorState::start(Self* self, BlockActorParts parts) {
  self_ = self;
  log_ = parts.log;
  owners_ = std::move(parts.owners);
  facts_ = parts.facts;
  directory_ = std::move(parts.directory);
  lanes_ = std::move(parts.lanes);
  tick_interval_ = parts.tick_interval;
  note_life_ = std::move(parts.note_life);
  speaks_for_datanodes_ = std::move(parts.speaks_for_datanodes);
  asks_secret_ = parts.asks_secret;
  http_access_ = std::move(parts.http_access);
  screen_.emplace(tick_interval_);
  cluster_clock_ = {facts_.cluster_ms, now()};
  manager_ = std::make_unique<BlockManager>(
      std::move(parts.options),
      [this](const std::vector<BlockId>& ids, OwnersAnswer answer) {
        ask_owners(ids, std::move(answer));
      },
      now());
  // Before any datanode registers: one that knows as much must not find this namespace behind.
  manager_->note_applied(facts_.applied);
  const auto handle = caf::actor_cast<BlockActor>(self_);
  channel_ = log_->add_channel([handle](std::vector<consensus::Completion> completions) {
    caf::anon_send(handle, LogBatch{std::move(completions)});
  });
  tick();
}

BlockManager::TimePoint BlockActorState::now() { return screen_->now(self_->clock().now()); }

metadata::QuorumView BlockActorState::quorum() const {
  return view_of(log_->quorum(), office_term_);
}

std::optional<caf::error> BlockActorState::refuse(const Patience& patience) {
  const auto why = screen_->refuse(patience, self_->current_sender(), self_->clock().now());
  if (why.has_value()) return to_caf(*why);
  if (!manager_->in_office()) return not_leader(quorum());
  return std::nullopt;
}

std::optional<caf::error> BlockActorState::refuse_read(const Patience& patience) {
  const auto why = screen_->refuse(patience, self_->current_sender(), self_->clock().now());
  if (why.has_value()) return to_caf(*why);
  if (!manager_->in_office() && !may_be_old(*log_, patience)) return not_leader(quorum());
  return std::nullopt;
}

// The client asks again, or the one that leads.
std::optional<caf::error> BlockActorState::refuse_unfound(
    const std::vector<metadata::LocatedBlock>& blocks) {
  const bool leads = manager_->in_office();
  if (leads && !manager_->is_gathering(now())) return std::nullopt;
  for (const auto& located : blocks) {
    if (!located.locations.empty()) continue;
    if (!leads) return not_leader(quorum());
    return to_caf({Errc::kUnavailable,
                   "the namenode has just begun to lead, and the datanodes have "
                   "not all told it yet which has block " +
                       to_string(located.block.id)});
  }
  return std::nullopt;
}

// CAF delivers whatever a peer sends, whoever it was admitted as.
std::optional<Error> BlockActorState::refuse_sender() {
  const auto& sender = self_->current_sender();
  if (!speaks_for_datanodes_ || (sender && speaks_for_datanodes_(sender->node()))) {
    return std::nullopt;
  }
  return Error{Errc::kPermissionDenied, "only datanodes may send this"};
}

// --- The namespace -----------------------------------------------------------------------------

void BlockActorState::ask_owners(const std::vector<BlockId>& ids, OwnersAnswer answer) {
  self_->request(owners_, caf::infinite, OwnersOf{ids})
      .then([answer](BlockOwners& owners) { answer(std::move(owners.owned)); },
            [answer](const caf::error& error) { answer(from_caf(error)); });
}

// One question at a time: while the disk hangs the facts are old.
void BlockActorState::ask_facts() {
  if (facts_asked_at_) return;
  facts_asked_at_ = now();
  self_->request(owners_, caf::infinite, NamespaceFactsWanted{})
      .then(
          [this](const NamespaceFacts& facts) {
            facts_asked_at_.reset();
            facts_ = facts;
            manager_->note_applied(facts.applied);
          },
          [this](const caf::error& error) {
            facts_asked_at_.reset();
            log_error("namenode", "cannot read the namespace's counters: {}",
                      from_caf(error).message);
          });
}

void BlockActorState::note_silence() {
  const bool silent = silence() >= kSilenceTold;
  if (silent == std::exchange(silence_told_, silent)) return;
  if (silent) {
    log_warn("namenode", "the disk of {} has answered nothing for {} s", directory_,
             std::chrono::duration_cast<std::chrono::seconds>(kSilenceTold).count());
  } else {
    log_info("namenode", "the disk of {} answers again", directory_);
  }
}

// --- Writers ---------------------------------------------------------------------------------

caf::result<WriteGrant> BlockActorState::allocate(AllocateBlocks& request) {
  if (const auto refusal = manager_->refusal()) return to_caf(*refusal);
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

// --- Time ------------------------------------------------------------------------------------

void BlockActorState::tick() {
  ask_facts();
  note_silence();
  manager_->tick(facts_.blocks, now());
  if (manager_->in_office()) {
    try_unproven();
    retire();
    drop_staged();
    reserve_ids();
    if (purge_left_) purge();
  }
  announce_safe_mode();
  work_later();
  self_->delayed_send(self_, tick_interval_, TickAtom{});
}

// --- What can wait -------------------------------------------------------------------------------

caf::result<Accepted> BlockActorState::report(BlockReportPart& request) {
  if (const auto refusal = refuse_sender()) {
    lanes_.reports->leave();
    return to_caf(*refusal);
  }
  auto promise = self_->make_response_promise<Accepted>();
  parts_.push_back({std::move(request), promise});
  work_later();
  return promise;
}

void BlockActorState::work_later() {
  if (std::exchange(working_, true)) return;
  self_->send(self_, WorkAtom{});
}

// One piece of each kind; the next ones come behind what has arrived meanwhile.
void BlockActorState::work() {
  working_ = false;
  if (manager_->work()) work_later();
  take_part();
  if (!parts_.empty()) work_later();
}

void BlockActorState::take_part() {
  if (parts_.empty()) return;
  const auto part = std::move(parts_.front());
  parts_.pop_front();
  lanes_.reports->leave();
  manager_->report(part.request, now(), [promise = part.promise](Status status) mutable {
    if (status.ok()) {
      promise.deliver(Accepted{});
    } else {
      promise.deliver(to_caf(status.error()));
    }
  });
}

// --- Administration ------------------------------------------------------------------------------

void BlockActorState::subscribe(SafeModeListener listener) {
  listener_ = std::move(listener);
  caf::anon_send(listener_, safe_mode_state());
}

// Also when only the reason changes: it has counts in it.
void BlockActorState::announce_safe_mode() {
  auto now = safe_mode_state();
  if (now == safe_mode_announced_) return;
  safe_mode_announced_ = now;
  if (listener_) caf::anon_send(listener_, std::move(now));
}

// --- The behaviour -----------------------------------------------------------------------------

namespace {

caf::result<Accepted> accepted(const Status& status) {
  if (!status.ok()) return to_caf(status.error());
  return Accepted{};
}

}  // namespace

BlockActor::behavior_type block_actor(BlockActor::stateful_pointer<BlockActorState> self,
                                      std::shared_ptr<BlockActorParts> parts) {
  auto* state = &self->state;
  state->start(self, std::move(*parts));
  const auto& lanes = state->lanes();
  // A sign of life, or what belongs to it: it has passed others on its way here.
  const auto beaten = [self, state] {
    put_back_in_line(self->current_mailbox_element());
    state->lanes().beats->leave();
    return state->now();
  };
  return {
      asked_read<FillFile>(state, lanes.blocks,
                           [state](FillFile& request) -> caf::result<LocatedFile> {
                             auto& blocks = request.file.blocks;
                             state->manager().locate(blocks, request.reader_host,
                                                     request.corrupt_ones);
                             if (auto why = state->refuse_unfound(blocks)) return std::move(*why);
                             return std::move(request.file);
                           }),
      asked_read<FillDirectory>(
          state, lanes.blocks,
          [state](FillDirectory& request) -> caf::result<LocateDirectoryReply> {
            for (auto& entry : request.page.entries) {
              state->manager().locate(entry.blocks, request.reader_host, false);
              auto why = state->refuse_unfound(entry.blocks);
              if (why.has_value()) return std::move(*why);
            }
            return std::move(request.page);
          }),
      asked_read<CountCopies>(state, lanes.blocks,
                              [state](CountCopies& request) {
                                auto reply =
                                    state->manager().count_copies(request.blocks, request.wanted);
                                reply.next = request.next;
                                return reply;
                              }),
      asked<DecideNode>(state, lanes.admin,
                        [state](DecideNode& request) { return state->decide(request); }),
      asked<AllocateBlocks>(state, lanes.blocks,
                            [state](AllocateBlocks& request) { return state->allocate(request); }),
      asked<CommitWrite>(state, lanes.blocks,
                         [state](CommitWrite& request) { return state->commit(request); }),
      asked<StageWrite>(state, lanes.blocks,
                        [state](StageWrite& request) { return state->stage(request); }),
      asked<AppendWrite>(state, lanes.blocks,
                         [state](AppendWrite& request) { return state->append(request); }),
      asked<RenewSession>(state, lanes.blocks,
                          [state](RenewSession& request) {
                            return accepted(state->manager().renew(request, state->now()));
                          }),
      asked<EndSession>(
          state, lanes.blocks,
          [state](EndSession& request) { return accepted(state->manager().end_session(request)); }),
      [state, beaten](const RegisterNode& request) -> caf::result<Registered> {
        const auto now = beaten();
        if (const auto refusal = state->refuse_sender()) return to_caf(*refusal);
        auto registered = state->manager().register_node(request, now);
        if (registered.ok()) registered->quorum = state->quorum();
        state->announce_safe_mode();  // The node may know a later state of the cluster.
        return to_result(std::move(registered));
      },
      [state, beaten](const Heartbeat& request) -> caf::result<HeartbeatReply> {
        const auto now = beaten();
        if (const auto refusal = state->refuse_sender()) return to_caf(*refusal);
        auto reply = state->manager().heartbeat(request, now);
        if (reply.ok()) reply->quorum = state->quorum();
        return to_result(std::move(reply));
      },
      [state](BlockReportPart& request) { return state->report(request); },
      [state, beaten](const Goodbye& request) -> caf::result<Accepted> {
        const auto now = beaten();
        if (const auto refusal = state->refuse_sender()) return to_caf(*refusal);
        return accepted(state->manager().goodbye(request, now));
      },
      [state](const AnnounceHttp& request) -> caf::result<Accepted> {
        state->lanes().beats->leave();
        if (const auto refusal = state->refuse_sender()) return to_caf(*refusal);
        return accepted(state->manager().announce_http(request));
      },
      asked<HttpNodesRequest>(state, lanes.blocks,
                              [state](HttpNodesRequest&) { return state->http_nodes(); }),
      asked_read<StatusRequest>(
          state, lanes.admin,
          [state](StatusRequest&, const Patience& patience) { return state->status(patience); }),
      asked<SafeModeRequest>(
          state, lanes.admin,
          [state](SafeModeRequest& request) { return state->safe_mode(request); }),
      asked<BalanceRequest>(state, lanes.admin,
                            [state](BalanceRequest& request) {
                              return to_result(state->manager().balance(request));
                            }),
      asked<CheckBlocksRequest>(
          state, lanes.admin,
          [state](CheckBlocksRequest& request) { return state->check_blocks(request); }),
      asked<ScrubRequest>(state, lanes.admin,
                          [state](ScrubRequest& request) { return state->scrub(request); }),
      [state](LogBatch& batch) { state->take_batch(batch); },
      [state](const NamespaceEffects& effects) { state->take_effects(effects); },
      [state](OfficeBegun& begun) { state->begin_office(begun); },
      [state](const OfficeEnded&) { state->end_office(); },
      [state](ReadConfirmed& confirmed) { state->take_confirmation(confirmed); },
      [state](SubscribeAtom, const SafeModeListener& listener) { state->subscribe(listener); },
      [state](TickAtom) { state->tick(); },
      [state](WorkAtom) { state->work(); },
  };
}

}  // namespace minidfs::actors
