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

using ConnectAtom = caf::atom_constant<caf::atom("connect")>;
using ClosedAtom = caf::atom_constant<caf::atom("closed")>;
using TickAtom = caf::atom_constant<caf::atom("tick")>;
using StopAtom = caf::atom_constant<caf::atom("stop")>;

constexpr std::chrono::milliseconds kTick{100};
// Silence is no dead connection: the kernel's probes find one, and close it, within 11 s. A
// namenode that lives and answers nothing for so long is asked over a new connection all the same.
constexpr std::chrono::milliseconds kSilenceMax{60'000};

// Blocks in connect, hence detached: one thread for the life of the link.
caf::behavior connector_behavior(caf::event_based_actor* self, const LinkOptions& options) {
  return {[self, options](ConnectAtom, std::uint64_t address, bool replace) {
    auto result = std::make_shared<Result<Connected>>(
        connect_namenode(self->system(), options.namenodes[address], options, replace));
    return ConnectEnded{std::move(result)};
  }};
}

void start_connecting(LinkActor* self) {
  auto& state = self->state;
  if (state.connecting || state.namenode) return;
  state.connecting = true;
  self->send(state.connector, ConnectAtom::value, static_cast<std::uint64_t>(state.address),
             std::exchange(state.replace, false));
}

void connect_after_back_off(LinkActor* self) {
  auto& state = self->state;
  state.connecting = true;
  self->delayed_send(self, state.connect_backoff.next(state.random()), ConnectAtom::value);
}

void start_ticking(LinkActor* self) {
  if (self->state.ticking || self->state.operations.empty()) return;
  self->state.ticking = true;
  self->delayed_send(self, kTick, TickAtom::value);
}

void ask_id(LinkActor* self, const LinkOperation& operation);

void dispatch(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  if (!state.namenode) {
    operation->phase = Phase::kWaiting;
    start_connecting(self);
    return;
  }
  if (operation->writes() && !state.window) ask_id(self, *operation);
  if (auto* id = operation->id(); id != nullptr && id->sequence == 0) {
    if (!state.window) {
      operation->phase = Phase::kWaiting;
      return;
    }
    *id = state.window->open();
  }
  operation->phase = Phase::kSent;
  ++operation->attempt;
  ++operation->tries;
  operation->sent_at = Clock::now();
  operation->send(self, state.namenode);
}

void finish(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  operation->phase = Phase::kWaiting;
  const auto* id = operation->id();
  if (id != nullptr && id->sequence != 0 && state.window && state.window->client() == id->client) {
    state.window->close(id->sequence);
  }
  state.operations.erase(operation.get());
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
  if (!state.namenode) {
    const std::string problem = state.connect_problem.empty() ? "" : ": " + state.connect_problem;
    return {Errc::kUnavailable, "cannot reach the namenode at " + address_text(state) + " within " +
                                    duration_text(operation.timeout()) + problem};
  }
  if (operation.last_error) return *operation.last_error;
  return {Errc::kTimedOut, "no answer from the namenode at " +
                               metadata::to_string(state.options.namenodes[state.address]) +
                               " within " + duration_text(operation.timeout())};
}

// Whatever was on its way waits for the next connection.
void drop_connection(LinkActor* self) {
  auto& state = self->state;
  if (!state.namenode) return;
  state.namenode = nullptr;
  for (const auto& operation : all_operations(state)) {
    if (operation->phase == Phase::kSent) operation->phase = Phase::kWaiting;
  }
  if (state.operations.empty()) return;
  // One that accepts and closes at once is not to be asked without a pause.
  state.answered ? start_connecting(self) : connect_after_back_off(self);
}

void on_connected(LinkActor* self, Connected connected) {
  auto& state = self->state;
  state.namenode = std::move(connected.namenode);
  state.cluster->set(connected.cluster);
  state.answered = false;
  state.addresses_failed = state.addresses_refused = 0;
  state.last_answer = Clock::now();
  // Not a monitor: its message names the actor, and the same namenode over a later connection is
  // the same actor.
  caf::actor_cast<caf::strong_actor_ptr>(state.namenode)
      ->get()
      ->attach_functor([link = caf::actor_cast<caf::actor>(self), number = ++state.connection](
                           const caf::error&) { caf::anon_send(link, ClosedAtom::value, number); });
  for (const auto& operation : all_operations(state)) {
    if (operation->phase == Phase::kWaiting) dispatch(self, operation);
  }
}

// When all namenodes refuse for good (another secret, another version), to try again does not help.
void on_connect_failed(LinkActor* self, const Error& error) {
  auto& state = self->state;
  const bool refused = retry_class(error.code) == RetryClass::kNever;
  // That one refuses says more than that another one is down.
  if (refused || state.addresses_refused == 0) state.connect_problem = error.message;
  if (refused) ++state.addresses_refused;
  state.address = (state.address + 1) % state.options.namenodes.size();
  if (++state.addresses_failed < state.options.namenodes.size()) {
    if (!state.operations.empty()) start_connecting(self);
    return;
  }
  const bool all_refused = state.addresses_refused == std::exchange(state.addresses_failed, 0);
  state.addresses_refused = 0;
  if (all_refused) {
    const Error final_error{
        error.code, "cannot reach the namenode at " + address_text(state) + ": " + error.message};
    for (const auto& operation : all_operations(state)) finish_with(self, operation, final_error);
  }
  if (!state.operations.empty()) connect_after_back_off(self);
}

void on_submit(LinkActor* self, const OperationPtr& operation) {
  self->state.operations.emplace(operation.get(), operation);
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
  bool silent = false;
  for (const auto& operation : all_operations(state)) {
    if (now >= operation->deadline()) {
      finish_with(self, operation, deadline_error(state, *operation));
    } else if (operation->phase == Phase::kSent) {
      silent = silent || now - std::max(operation->sent_at, state.last_answer) > kSilenceMax;
    }
  }
  if (silent) {
    state.replace = true;
    drop_connection(self);
  }
  start_ticking(self);
}

void on_stop(LinkActor* self) {
  for (const auto& operation : all_operations(self->state)) {
    finish_with(self, operation, {Errc::kCancelled, "the connection to the namenode was closed"});
  }
  self->send_exit(self->state.connector, caf::exit_reason::user_shutdown);
  self->quit();
}

}  // namespace

void on_answered(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  state.last_answer = Clock::now();
  state.answered = true;
  state.connect_backoff.reset();
  finish(self, operation);
}

void on_forgotten(LinkActor* self, const OperationPtr& operation) {
  auto& state = self->state;
  state.last_answer = Clock::now();
  state.answered = true;
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
  operation->phase = Phase::kBackingOff;
  self->delayed_send(self, operation->backoff.next(state.random()),
                     RepeatOperation{operation, operation->attempt});
}

void on_failed(LinkActor* self, const OperationPtr& operation, const caf::error& caf_error) {
  auto& state = self->state;
  auto error = actors::from_caf(caf_error);
  const bool from_namenode = caf_error.category() == caf::atom("minidfs");
  if (!from_namenode && error.code == Errc::kUnavailable) return drop_connection(self);
  state.last_answer = Clock::now();
  state.answered = true;

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
  if (retry == RetryClass::kElsewhere) {
    state.address = (state.address + 1) % state.options.namenodes.size();
    state.answered = false;
    return drop_connection(self);
  }
  operation->phase = Phase::kBackingOff;
  self->delayed_send(self, delay, RepeatOperation{operation, operation->attempt});
}

caf::behavior link_behavior(LinkActor* self, const LinkOptions& options, std::uint32_t seed,
                            std::shared_ptr<KnownCluster> cluster) {
  auto& state = self->state;
  state.cluster = std::move(cluster);
  state.options = options;
  state.random.seed(seed);
  state.connector = self->spawn<caf::detached>(connector_behavior, options);
  self->set_default_handler(caf::drop);
  start_connecting(self);
  return {
      [self](const SubmitOperation& message) { on_submit(self, message.operation); },
      [self](const RepeatOperation& message) {
        const auto operation = message.operation.lock();
        if (operation && operation->phase == Phase::kBackingOff &&
            operation->attempt == message.attempt) {
          dispatch(self, operation);
        }
      },
      [self](const ConnectEnded& message) {
        self->state.connecting = false;
        if (message.result->ok()) {
          on_connected(self, **message.result);
        } else {
          on_connect_failed(self, message.result->error());
        }
      },
      [self](ConnectAtom) {
        self->state.connecting = false;
        if (!self->state.operations.empty()) start_connecting(self);
      },
      [](const RunTask& message) { message.task(); },
      [self](ClosedAtom, std::uint64_t connection) {
        if (connection == self->state.connection) drop_connection(self);
      },
      [self](TickAtom) { on_tick(self); },
      [self](StopAtom) { on_stop(self); },
  };
}

void stop_link(const caf::actor& link) { caf::anon_send(link, StopAtom::value); }

}  // namespace minidfs::client
