#include "client/link/link_actor.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <utility>

#include "client/link/link_operation.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;
using OperationPtr = std::shared_ptr<LinkOperation>;
using Phase = LinkOperation::Phase;

using ClosedAtom = caf::atom_constant<caf::atom("closed")>;
using TickAtom = caf::atom_constant<caf::atom("tick")>;
using WakeAtom = caf::atom_constant<caf::atom("wake")>;
using StopAtom = caf::atom_constant<caf::atom("stop")>;

constexpr std::chrono::milliseconds kTick{100};

// Blocks in connect, hence detached: one thread for each address that was dialed.
caf::behavior connector_behavior(caf::event_based_actor* self) {
  return {[self](std::uint64_t connection, const DialOrder& order) {
    return DialEnded{connection,
                     std::make_shared<Result<Connected>>(connect_namenode(self->system(), order))};
  }};
}

void step(LinkActor* self, const SearchEvent& event);

void set_phase(LinkState& state, LinkOperation& operation, Phase phase) {
  if (operation.phase == Phase::kSent) --state.sent;
  operation.phase = phase;
  if (phase == Phase::kSent) ++state.sent;
}

void start_ticking(LinkActor* self) {
  if (self->state.ticking || self->state.operations.empty()) return;
  self->state.ticking = true;
  self->delayed_send(self, kTick, TickAtom::value);
}

void ask_id(LinkActor* self, const LinkOperation& operation);

void finish_with(LinkActor* self, const OperationPtr& operation, Error error);

// The next namenode may know it; when that comes nobody can tell.
Error unknown_there(const LinkState& state, const LinkOperation& operation) {
  return {Errc::kUnsupported, "needs version " + std::to_string(operation.since()) +
                                  " of the interface, but with the namenode at " +
                                  metadata::to_string(state.search->used_address()) + " version " +
                                  std::to_string(state.namenode->version) +
                                  " is spoken; it can be done when that has been upgraded"};
}

void dispatch(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  if (!state.namenode) return set_phase(state, *operation, Phase::kWaiting);
  if (state.namenode->version < operation->since()) {
    return finish_with(self, operation, unknown_there(state, *operation));
  }
  if (operation->writes() && !state.window) ask_id(self, *operation);
  if (auto* id = operation->id(); id != nullptr && id->sequence == 0) {
    if (!state.window) return set_phase(state, *operation, Phase::kWaiting);
    *id = state.window->open();
  }
  set_phase(state, *operation, Phase::kSent);
  ++operation->attempt;
  ++operation->tries;
  operation->sent_over = state.used;
  operation->send(self, *state.namenode);
  if (state.sent == 1) step(self, RequestSent{operation->sent_over});
}

void finish(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  set_phase(state, *operation, Phase::kWaiting);
  const auto* id = operation->id();
  if (id != nullptr && id->sequence != 0 && state.window && state.window->client() == id->client) {
    state.window->close(id->sequence);
  }
  state.operations.erase(operation.get());
  if (state.operations.empty()) step(self, NobodyWaits{});
}

void finish_with(LinkActor* self, const OperationPtr& operation, Error error) {
  if (!self->state.operations.contains(operation.get())) return;  // Ended with another one.
  finish(self, operation);
  operation->fail(std::move(error));
}

std::vector<OperationPtr> all_operations(const LinkState& state) {
  std::vector<OperationPtr> all;
  all.reserve(state.operations.size());
  for (const auto& [key, operation] : state.operations) all.push_back(operation);
  return all;
}

std::string address_text(const LinkState& state) {
  std::string text;
  for (const auto& endpoint : state.options.namenodes) {
    if (!text.empty()) text += ", ";
    text += metadata::to_string(endpoint);
  }
  return text;
}

Error deadline_error(const LinkState& state, const LinkOperation& operation) {
  const auto within = " within " + duration_text(operation.timeout());
  if (state.namenode) {
    if (operation.last_error) return *operation.last_error;
    return {Errc::kTimedOut, "no answer from the namenode at " +
                                 metadata::to_string(state.search->used_address()) + within};
  }
  if (state.search->reaches_any()) {
    return {Errc::kUnavailable,
            "no namenode was found that leads, of those at " + address_text(state) + "," + within};
  }
  const auto& problem = state.search->dial_problem();
  return {Errc::kUnavailable, "cannot reach the namenode at " + address_text(state) + within +
                                  (problem.empty() ? "" : ": " + problem)};
}

// --- Connections, as the search wants them -----------------------------------------------------

void perform(LinkActor* self, const DialNamenode& dial) {
  auto& state = self->state;
  auto& connector = state.connectors[dial.address];
  if (!connector) connector = self->spawn<caf::detached>(connector_behavior);
  self->send(
      connector, dial.connection,
      DialOrder{dial.address, state.cluster->get(), state.options.connect_timeout, dial.replace,
                state.options.credentials, state.options.local, state.stopped});
}

void perform(LinkActor* self, const AskWhoLeads& ask) {
  const auto found = self->state.connections.find(ask.connection);
  if (found == self->state.connections.end()) return;
  self->request(found->second.namenode, caf::infinite, actors::WhoLeads{})
      .then(
          [self, number = ask.connection](const metadata::QuorumView& view) {
            step(self, LeaderTold{number, view});
          },
          [self, number = ask.connection](const caf::error&) { step(self, AskFailed{number}); });
}

// Whatever was on its way elsewhere, or waits, goes there.
void perform(LinkActor* self, const UseConnection& use) {
  auto& state = self->state;
  state.used = use.connection;
  state.namenode.reset();
  if (use.connection != 0) state.namenode = state.connections.at(use.connection);
  const auto operations = all_operations(state);
  for (const auto& operation : operations) {
    if (operation->phase == Phase::kSent) set_phase(state, *operation, Phase::kWaiting);
  }
  if (!state.namenode) return;
  for (const auto& operation : operations) {
    if (operation->phase == Phase::kWaiting) dispatch(self, operation);
  }
}

void perform(LinkActor* self, const HangUp& hang_up) {
  self->state.connections.erase(hang_up.connection);
}

void perform(LinkActor* self, const GiveUpAll& give_up) {
  const Error error{
      give_up.error.code,
      "cannot reach the namenode at " + address_text(self->state) + ": " + give_up.error.message};
  for (const auto& operation : all_operations(self->state)) finish_with(self, operation, error);
}

// One timer at a time, which comes no later than it is needed: most requests are answered before.
void wake_later(LinkActor* self) {
  auto& state = self->state;
  const auto due = state.search->next_wake();
  if (!due || (state.wake_at && *state.wake_at <= *due)) return;
  state.wake_at = due;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
  self->delayed_send(self, std::max(left, std::chrono::milliseconds(0)), WakeAtom::value,
                     ++state.wake_number);
}

void step(LinkActor* self, const SearchEvent& event) {
  for (const auto& effect : self->state.search->step(event, Clock::now())) {
    std::visit([self](const auto& e) { perform(self, e); }, effect);
  }
  wake_later(self);
}

void on_woken(LinkActor* self, std::uint64_t number) {
  auto& state = self->state;
  if (number != state.wake_number) return;
  state.wake_at.reset();
  const auto due = state.search->next_wake();
  if (due.has_value() && *due <= Clock::now()) return step(self, SearchWoken{});
  wake_later(self);
}

void on_dial_ended(LinkActor* self, const DialEnded& ended) {
  auto& state = self->state;
  if (!ended.result->ok()) return step(self, Dialed{ended.connection, ended.result->error()});
  auto& connected = **ended.result;
  state.cluster->set(connected.cluster);
  // Not a monitor: its message names the actor, and the same namenode over a later connection is
  // the same actor. One of this process may outlive the link.
  caf::actor_cast<caf::strong_actor_ptr>(connected.namenode)
      ->get()
      ->attach_functor([address = self->address(), number = ended.connection](const caf::error&) {
        const auto link = caf::actor_cast<caf::actor>(address);
        if (link) caf::anon_send(link, ClosedAtom::value, number);
      });
  state.connections.emplace(ended.connection, std::move(connected));
  step(self, Dialed{ended.connection, {}});
}

void on_closed(LinkActor* self, std::uint64_t connection) {
  self->state.connections.erase(connection);
  step(self, ConnectionClosed{connection});
}

// --- Requests --------------------------------------------------------------------------------

void on_submit(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  state.operations.emplace(operation.get(), operation);
  if (*state.stopped) return;  // Ends with the next StopAtom.
  if (state.operations.size() == 1) step(self, RequestsWait{});
  start_ticking(self);
  dispatch(self, operation);
}

void on_id(LinkActor* self, const Result<actors::ClientIdReply>& reply) {
  auto& state = self->state;
  state.asking_id = false;
  if (reply.ok()) state.window.emplace(reply->client);
  if (!reply.ok() && reply.error().code == Errc::kCancelled) return;
  const bool refused = !reply.ok() && retry_class(reply.error().code) == RetryClass::kNever;
  for (const auto& operation : all_operations(state)) {
    const auto* id = operation->id();
    if (operation->phase != Phase::kWaiting || id == nullptr || id->sequence != 0) continue;
    if (refused) {
      finish_with(self, operation, reply.error());
    } else if (state.namenode) {
      dispatch(self, operation);
    }
  }
}

// As long as `operation` may wait for it; what waits longer asks again.
void ask_id(LinkActor* self, const LinkOperation& operation) {
  if (std::exchange(self->state.asking_id, true)) return;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(operation.deadline() - Clock::now());
  on_submit(self, std::make_shared<LinkOperationOf<actors::ClientIdRequest>>(
                      actors::ClientIdRequest{},
                      [self](const Result<actors::ClientIdReply>& reply) { on_id(self, reply); },
                      std::max(left, std::chrono::milliseconds(1))));
}

void on_tick(LinkActor* self) {
  auto& state = self->state;
  state.ticking = false;
  const auto now = Clock::now();
  for (const auto& operation : all_operations(state)) {
    if (now < operation->deadline()) continue;
    finish_with(self, operation, deadline_error(state, *operation));
  }
  start_ticking(self);
}

// Who was told just before this, or is told here, may have asked for something else, which ends in
// its turn: whoever waits for an answer gets one. What is dialed is not waited for.
void on_stop(LinkActor* self) {
  const bool first = !self->state.stopped->exchange(true);
  const auto operations = all_operations(self->state);
  for (const auto& operation : operations) {
    finish_with(self, operation, {Errc::kCancelled, "the connection to the namenode was closed"});
  }
  if (first || !operations.empty()) return self->send(self, StopAtom::value);
  for (const auto& [address, connector] : self->state.connectors) {
    self->send_exit(connector, caf::exit_reason::user_shutdown);
  }
  self->quit();
}

// Anything but a refusal because it does not lead.
void note_answer(LinkActor* self, const LinkOperation& operation) {
  step(self, RequestAnswered{operation.sent_over, self->state.sent > 0});
}

void back_off(LinkActor* self, const OperationPtr& operation, std::chrono::milliseconds delay) {
  set_phase(self->state, *operation, Phase::kBackingOff);
  self->delayed_send(self, delay, RepeatOperation{operation, operation->attempt});
}

// It goes to whom the search finds. If that is the same namenode, it is about to lead.
void on_not_leader(LinkActor* self, const OperationPtr& operation, const caf::error& error) {
  auto& state = self->state;
  operation->last_error = actors::from_caf(error);
  set_phase(state, *operation, Phase::kWaiting);
  const auto attempt = operation->attempt;
  step(self, RefusedElsewhere{});
  step(self, LeaderTold{operation->sent_over,
                        actors::told_leader(error).value_or(metadata::QuorumView{})});
  if (operation->phase != Phase::kWaiting || operation->attempt != attempt) return;
  if (state.namenode) back_off(self, operation, operation->backoff.next(state.random()));
}

}  // namespace

void on_answered(LinkActor* self, const OperationPtr& operation) {
  finish(self, operation);
  note_answer(self, *operation);
}

void on_forgotten(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  set_phase(state, *operation, Phase::kWaiting);
  note_answer(self, *operation);
  if (operation->tries > 1) {
    return finish_with(
        self, operation,
        {Errc::kExpired, "whether the change was done is not known: it was asked for " +
                             std::to_string(operation->tries) +
                             " times, and the namenode does not remember it any more"});
  }
  auto* id = operation->id();
  if (state.window && state.window->client() == id->client) state.window.reset();
  *id = {};
  operation->tries = 0;
  back_off(self, operation, operation->backoff.next(state.random()));
}

void on_failed(LinkActor* self, const OperationPtr& operation, const caf::error& caf_error) {
  auto& state = self->state;
  auto error = actors::from_caf(caf_error);
  const bool from_namenode = caf_error.category() == caf::atom("minidfs");
  if (!from_namenode && error.code == Errc::kUnavailable) {
    return on_closed(self, operation->sent_over);
  }
  if (retry_class(error.code) == RetryClass::kElsewhere) {
    return on_not_leader(self, operation, caf_error);
  }
  set_phase(state, *operation, Phase::kWaiting);
  note_answer(self, *operation);

  const auto now = Clock::now();
  const auto delay = operation->backoff.next(state.random());
  // Waiting for a first datanode is worth less patience than waiting for the namenode.
  const auto deadline = error.code == Errc::kNoDatanode
                            ? operation->deadline() - operation->timeout() / 2
                            : operation->deadline();
  const bool gives_up = error.code == Errc::kNoDatanode && !operation->waits_for_datanodes();
  const auto retry = gives_up ? RetryClass::kNever : retry_class(error.code);
  if (retry == RetryClass::kNever || now + delay >= deadline) {
    return finish_with(self, operation, std::move(error));
  }
  operation->last_error = std::move(error);
  back_off(self, operation, delay);
}

caf::behavior link_behavior(LinkActor* self, const LinkOptions& options, std::uint32_t seed,
                            std::shared_ptr<KnownCluster> cluster) {
  auto& state = self->state;
  state.cluster = std::move(cluster);
  state.options = options;
  state.random.seed(seed);
  LeaderSearchOptions search;
  search.namenodes = options.namenodes;
  search.seed = seed;
  search.any_will_do = options.stale.count() > 0;
  state.search.emplace(search);
  self->set_default_handler(caf::drop);
  // Connects ahead of the first request; what it comes to is of use then.
  step(self, RequestsWait{});
  step(self, NobodyWaits{});
  return {
      [self](const SubmitOperation& message) { on_submit(self, message.operation); },
      [self](const RepeatOperation& message) {
        const auto operation = message.operation.lock();
        if (operation && operation->phase == Phase::kBackingOff &&
            operation->attempt == message.attempt) {
          dispatch(self, operation);
        }
      },
      [self](const DialEnded& ended) { on_dial_ended(self, ended); },
      [](const RunTask& message) { message.task(); },
      [self](ClosedAtom, std::uint64_t connection) { on_closed(self, connection); },
      [self](WakeAtom, std::uint64_t number) { on_woken(self, number); },
      [self](TickAtom) { on_tick(self); },
      [self](StopAtom) { on_stop(self); },
  };
}

void stop_link(const caf::actor& link) { caf::anon_send(link, StopAtom::value); }

}  // namespace minidfs::client
