// One request on its way through the link: what it asks, whom it tells, how often it was tried.
// Owned by the link's actor; internal to the link.
#pragma once

#include <algorithm>
#include <caf/duration.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "actors/additions.hpp"
#include "actors/interfaces.hpp"
#include "client/link/link_actor.hpp"
#include "client/link/namenode_link.hpp"
#include "client/link/retry_schedule.hpp"

namespace minidfs::client {

// Whether a change, or what comes before one, is asked for.
template <class Request>
inline constexpr bool kWrites = std::is_same_v<Request, actors::AllocateBlocks> ||
                                std::is_same_v<NamenodeLink::Reply<Request>, metadata::ChangeReply>;

// Whether it may be told what is a little old.
template <class Request>
inline constexpr bool kReads =
    std::is_same_v<Request, actors::StatRequest> || std::is_same_v<Request, actors::ListRequest> ||
    std::is_same_v<Request, actors::LocateRequest> ||
    std::is_same_v<Request, actors::LocateDirectoryRequest> ||
    std::is_same_v<Request, actors::CopiesRequest> ||
    std::is_same_v<Request, actors::StatusRequest>;

// The RequestId of a change, or null for a request that may simply be asked again.
template <class Request>
metadata::RequestId* request_id(Request& request) {
  if constexpr (requires { request.change.request.sequence; }) {
    return &request.change.request;
  } else if constexpr (requires { request.request.sequence; }) {
    return &request.request;
  } else {
    return nullptr;
  }
}

class LinkOperation : public std::enable_shared_from_this<LinkOperation> {
 public:
  enum class Phase : std::uint8_t { kWaiting, kSent, kBackingOff };

  explicit LinkOperation(std::chrono::milliseconds timeout)
      : timeout_(timeout), deadline_(std::chrono::steady_clock::now() + timeout) {}
  virtual ~LinkOperation() = default;

  // Sends the request; the answer comes back through on_answered() or on_failed() of the actor.
  virtual void send(LinkActor* self, const Connected& connected) = 0;
  virtual void fail(Error error) = 0;
  // Null for what is no change. Without a sequence until it is sent for the first time.
  virtual metadata::RequestId* id() = 0;
  virtual bool writes() const = 0;
  // The version of the interface that knows it; it goes to no namenode that speaks an older one.
  virtual InterfaceVersion since() const = 0;
  // Until when kNoDatanode is asked again. A writer that excluded nodes wants to know at once.
  virtual bool waits_for_datanodes() const = 0;

  std::chrono::milliseconds timeout() const { return timeout_; }
  std::chrono::steady_clock::time_point deadline() const { return deadline_; }

  Phase phase = Phase::kWaiting;
  std::uint32_t attempt = 0;
  std::uint32_t tries = 0;  // Under the present id: of several an earlier one may have been heard.
  std::uint64_t sent_over = 0;  // The connection of the last attempt.
  Backoff backoff;
  std::optional<Error> last_error;  // What the namenode answered last.

 private:
  std::chrono::milliseconds timeout_;
  std::chrono::steady_clock::time_point deadline_;
};

template <class Request>
class LinkOperationOf final : public LinkOperation {
 public:
  using Reply = NamenodeLink::Reply<Request>;

  LinkOperationOf(Request request, NamenodeLink::Callback<Request> callback,
                  std::chrono::milliseconds timeout)
      : LinkOperation(timeout), request_(std::move(request)), callback_(std::move(callback)) {}

  // Each time in the newest form that whoever is asked now knows: the next one may be older.
  void send(LinkActor* self, const Connected& connected) override {
    if constexpr (actors::HasNewerForm<Request>) {
      using Newer = actors::NewerForm<Request>;
      if (connected.version >= Newer::kSince) {
        ask<typename Newer::Reply>(
            self, caf::actor_cast<typename Newer::Server>(connected.namenode), Newer::of(request_),
            [](typename Newer::Reply& reply) { return Newer::old(std::move(reply)); });
        return;
      }
    }
    const auto as_it_is = [](Reply& reply) { return std::move(reply); };
    if constexpr (actors::IsAdded<Request>) {
      using Server = typename actors::AddedRequest<Request>::Server;
      ask<Reply>(self, caf::actor_cast<Server>(connected.namenode), request_, as_it_is);
    } else {
      ask<Reply>(self, connected.namenode, request_, as_it_is);
    }
  }

  void fail(Error error) override { callback_(std::move(error)); }
  metadata::RequestId* id() override { return request_id(request_); }
  bool writes() const override { return kWrites<Request>; }
  InterfaceVersion since() const override {
    if constexpr (actors::IsAdded<Request>) return actors::AddedRequest<Request>::kSince;
    return 0;
  }
  bool waits_for_datanodes() const override {
    if constexpr (std::is_same_v<Request, actors::AllocateBlocks>) return request_.excluded.empty();
    return true;
  }

 private:
  static std::uint32_t stale_ms(std::chrono::milliseconds stale) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(stale.count(), 0, std::numeric_limits<std::uint32_t>::max()));
  }

  // CAF's own request time-out is not used: it costs a timer for each of up to 100,000 requests a
  // second. The actor's tick watches the deadlines instead. A handler whose answer never comes
  // stays with the actor but owns nothing.
  template <class Answer, class Server, class Question, class ToReply>
  void ask(LinkActor* self, const Server& server, const Question& question, ToReply to_reply) {
    const std::weak_ptr<LinkOperation> weak = weak_from_this();
    actors::Patience patience{deadline()};
    if constexpr (kReads<Request>) patience.stale_ms = stale_ms(self->state.options.stale);
    self->request(server, caf::infinite, patience, question)
        .then(
            [self, weak, number = attempt, to_reply](Answer& answer) {
              const auto operation = current(weak, number);
              if (operation) static_cast<LinkOperationOf&>(*operation).take(self, to_reply(answer));
            },
            [self, weak, number = attempt](const caf::error& error) {
              if (const auto operation = current(weak, number)) on_failed(self, operation, error);
            });
  }

  void take(LinkActor* self, Reply reply) {
    const auto own = shared_from_this();  // The link holds it no more when it is answered.
    if constexpr (std::is_same_v<Reply, metadata::ChangeReply>) {
      if (metadata::is_forgotten(reply)) return on_forgotten(self, own);
    }
    on_answered(self, own);
    callback_(std::move(reply));
  }

  // The operation if it still waits for the answer to its attempt `number`.
  static std::shared_ptr<LinkOperation> current(const std::weak_ptr<LinkOperation>& weak,
                                                std::uint32_t number) {
    auto operation = weak.lock();
    const bool waits =
        operation && operation->phase == Phase::kSent && operation->attempt == number;
    return waits ? operation : nullptr;
  }

  Request request_;
  NamenodeLink::Callback<Request> callback_;
};

}  // namespace minidfs::client
