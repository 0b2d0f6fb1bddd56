// A client's way to the namenode: a request is asked until there is an answer that is not to be
// asked again for, or for half a minute. Then its end is kTimedOut: nobody knows what was done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "sim/whole/control_link.hpp"

namespace minidfs::sim {

class AskingLink {
 public:
  AskingLink(World& world, Network& network, SimNamenode& namenode, Process& owner, Place place)
      : world_(world), process_(owner), link_(network, namenode, owner, place) {}

  void reconnect() { link_.reconnect(); }
  // How often the request was asked that was answered last.
  std::uint64_t tries() const { return tries_; }

  template <class Reply>
  using Request = std::function<void(SimNamenode&, const Respond<Reply>&)>;

  // `final`: an error that is an answer for this request, though others would be asked again.
  template <class Reply>
  void ask(Request<Reply> request, Respond<Reply> answered, std::optional<Errc> final = {}) {
    auto asking = std::make_shared<Asking<Reply>>();
    asking->request = std::move(request);
    asking->answered = std::move(answered);
    asking->final = final;
    asking->deadline = world_.now() + kPatience;
    attempt(std::move(asking));
  }
  template <class Reply>
  void ask_once(Request<Reply> request, Respond<Reply> answered) {
    link_.ask<Reply>(std::move(request), std::move(answered));
  }

 private:
  static constexpr milliseconds kSilence{1500};  // Then the connection is made anew.
  static constexpr milliseconds kPatience{30'000};
  static constexpr milliseconds kRetry{300};

  template <class Reply>
  struct Asking {
    Request<Reply> request;
    Respond<Reply> answered;
    std::optional<Errc> final;
    TimePoint deadline{};
    std::uint64_t attempt = 0;
    std::uint64_t tries = 0;
    bool over = false;
  };

  static bool is_asked_again(const Error& error) {
    return errc_info(error.code).retryable || error.code == Errc::kBehind;
  }

  template <class Reply>
  void attempt(std::shared_ptr<Asking<Reply>> asking) {
    if (world_.now() >= asking->deadline) {
      asking->over = true;
      asking->answered(Error{Errc::kTimedOut, "no answer"});
      return;
    }
    const auto number = ++asking->attempt;
    ++asking->tries;
    link_.ask<Reply>(asking->request, [this, asking, number](const Result<Reply>& reply) {
      if (asking->over || asking->attempt != number) return;
      if (!reply.ok() && is_asked_again(reply.error()) && reply.error().code != asking->final) {
        ++asking->attempt;
        process_.later(kRetry, [this, asking] { attempt(asking); });
        return;
      }
      asking->over = true;
      tries_ = asking->tries;
      asking->answered(reply);
    });
    process_.later(kSilence, [this, asking, number] {
      if (asking->over || asking->attempt != number) return;
      link_.reconnect();
      attempt(asking);
    });
  }

  World& world_;
  Process& process_;
  ControlLink link_;
  std::uint64_t tries_ = 0;
};

}  // namespace minidfs::sim
