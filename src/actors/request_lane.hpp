// The requests that wait for an actor of the namenode: how many there may be, and which of them are
// still worth serving. What must not wait for one another has lanes of its own.
#pragma once

#include <atomic>
#include <caf/abstract_actor.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/delegated.hpp>
#include <caf/result.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "actors/interfaces.hpp"
#include "actors/patience.hpp"
#include "metadata/own_time.hpp"

namespace minidfs::actors {

// Counts the requests from when they are let in until an actor takes them up. Thread-safe.
class RequestLane {
 public:
  explicit RequestLane(std::size_t requests_max) : max_(requests_max) {}

  // False: it is full, and the request is to be answered with kBusy.
  bool enter() {
    if (waiting_.fetch_add(1) < max_) return true;
    waiting_.fetch_sub(1);
    return false;
  }
  void leave() { waiting_.fetch_sub(1); }
  std::size_t waiting() const { return waiting_.load(); }

 private:
  const std::size_t max_;
  std::atomic<std::size_t> waiting_{0};
};

using RequestLanePtr = std::shared_ptr<RequestLane>;

// The lanes of a namenode; who lets a request into one and who takes it out share it.
struct NamenodeLanes {
  RequestLanePtr names = std::make_shared<RequestLane>(10'000);   // Clients, about the namespace.
  RequestLanePtr blocks = std::make_shared<RequestLane>(10'000);  // Clients, about blocks.
  RequestLanePtr beats = std::make_shared<RequestLane>(100'000);  // Datanodes' signs of life.
  RequestLanePtr reports = std::make_shared<RequestLane>(1'000);  // Parts of full reports.
  RequestLanePtr admin = std::make_shared<RequestLane>(1'000);    // Operators.
};

inline Error busy_error() {
  return {Errc::kBusy, "the namenode has more requests than it can take up"};
}

// An actor's view of time and of the requests that reach it. Not thread-safe.
class RequestScreen {
 public:
  // `tick`: how often the actor's timer reads the time.
  explicit RequestScreen(std::chrono::milliseconds tick) : time_(2 * tick) {}

  // The actor's own time, see metadata/own_time.hpp; `clock` is the steady clock.
  metadata::TimePoint now(metadata::TimePoint clock) { return time_.read(clock); }

  // Why a request need not be served, if so. `asker` may be null.
  std::optional<Error> refuse(const Patience& patience, const caf::strong_actor_ptr& asker,
                              metadata::TimePoint clock) {
    time_.read(clock);
    if (asker && asker->get()->getf(caf::abstract_actor::is_terminated_flag)) {
      return Error{Errc::kCancelled, "the connection over which this was asked has gone"};
    }
    switch (metadata::judge_request(
        {patience.until, patience.arrived, std::chrono::milliseconds(patience.left_ms)}, time_,
        clock)) {
      case metadata::RequestVerdict::kServe:
        return std::nullopt;
      case metadata::RequestVerdict::kOver:
        return Error{Errc::kTimedOut, "the namenode came to it too late"};
      case metadata::RequestVerdict::kAskAgain:
        return Error{Errc::kBusy, "the namenode stood still for a while"};
    }
    return std::nullopt;
  }

 private:
  metadata::OwnTime time_;
};

// What a handler of an actor returns, as a caf::result.
template <class T>
struct ResultOf {
  using type = caf::result<T>;
};
template <class... Ts>
struct ResultOf<caf::result<Ts...>> {
  using type = caf::result<Ts...>;
};
template <class... Ts>
struct ResultOf<caf::delegated<Ts...>> {
  using type = caf::result<Ts...>;
};

template <class Request, class Refuse, class Serve>
auto asked_unless(RequestLanePtr lane, Refuse refuse, Serve serve) {
  return [lane = std::move(lane), refuse, serve](const Patience& patience, Request& request) {
    const auto call = [&] {
      if constexpr (std::is_invocable_v<Serve, Request&, const Patience&>) {
        return serve(request, patience);
      } else {
        return serve(request);
      }
    };
    using Answer = typename ResultOf<decltype(call())>::type;
    lane->leave();
    if (auto why = refuse(patience)) return Answer{std::move(*why)};
    return Answer{call()};
  };
}

// The handler of a client's or operator's Request: takes it out of its lane, and serves it unless
// the actor's `refuse(patience)` says why not, with a caf::error. `serve` gets the request, and the
// patience that is left when it takes two arguments.
template <class Request, class State, class Serve>
auto asked(State* state, RequestLanePtr lane, Serve serve) {
  return asked_unless<Request>(
      std::move(lane), [state](const Patience& patience) { return state->refuse(patience); },
      serve);
}

// The same for a read, which `refuse_read(patience)` may let pass where nothing else is served.
template <class Request, class State, class Serve>
auto asked_read(State* state, RequestLanePtr lane, Serve serve) {
  return asked_unless<Request>(
      std::move(lane), [state](const Patience& patience) { return state->refuse_read(patience); },
      serve);
}

}  // namespace minidfs::actors
