// Decides which namenode a client's requests go to: whom to dial, whom to ask who leads, when to
// leave one that is silent. Pure: events and the time come in, effects go out; no clock, socket or
// actor. Owned by the link's actor, which carries out what it says.
//
//                 dialed and nothing known, says that it leads, or is said to lead
//   searching ────────────────────────────────────────────────────────────────────> using
//      ^  ^                                                                         │  ^ │
//      │  └── refuses because it does not lead, connection closed, silent too long ─┤  │ │ no
//      answer │                                                                            │  │ v
//      └─────────────────────────── another one leads ──────────────────────────── doubting
//
// Of the addresses given and those of the members that namenodes tell of:
// - While searching, one is dialed; the next one beside it when the handshake takes longer than
//   handshake_patience, when it fails, or when it was met and has not led to a leader. Each that
//   fails is left alone for a while that doubles.
// - While nothing is answered for answer_patience the one in use is asked whether it leads, which
// it
//   answers whatever its requests wait for, and others are dialed beside it and asked as well.
// - Whoever is met is asked who leads, now and then also while all is well, so that the members are
//   known when they are needed. The newest term counts. A member that names another one is believed
//   and the other used; what that one says of itself in this term counts more.
// - When any will do nobody else is looked for while the one that was met first answers; when it is
//   silent another one takes its place. Once one has refused the one that leads is wanted, until
//   that has been found.
// - When nobody leads by what is known for forget_after, what is known is forgotten: a cluster that
//   was put back from a backup counts its terms anew. It is a hint in any case: only a namenode
//   that leads answers requests.
// - Every event of a connection carries its number: what belongs to an earlier one changes nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "client/link/retry_schedule.hpp"
#include "metadata/quorum.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct LeaderSearchOptions {
  std::vector<metadata::Endpoint> namenodes;  // Given; at least one.
  bool any_will_do = false;                   // Not only the one that leads answers requests.
  std::chrono::milliseconds handshake_patience{150};
  std::chrono::milliseconds answer_patience{300};
  std::chrono::milliseconds ask_again{50};  // Between two questions who leads, to one namenode.
  std::chrono::milliseconds view_age_max{10'000};
  std::chrono::milliseconds forget_after{3'000};
  // A connection that is silent for so long is taken for dead, though nobody has closed it.
  std::chrono::milliseconds silence_max{60'000};
  std::uint32_t seed = 1;  // Of the jitter.
};

// What happened. `connection` is the number of the Dial that it belongs to.
struct RequestsWait {};  // There are unanswered requests, after a time without any.
struct NobodyWaits {};
struct Dialed {
  std::uint64_t connection = 0;
  std::optional<Error> failure;  // Its message without the address.
};
struct ConnectionClosed {
  std::uint64_t connection = 0;
};
struct RequestSent {
  std::uint64_t connection = 0;
};
// By anything but a refusal because it does not lead. `more`: others wait for answers over it.
struct RequestAnswered {
  std::uint64_t connection = 0;
  bool more = false;
};
// The answer to AskWhoLeads, or what a refusal said; a view without `self` says nothing more.
struct LeaderTold {
  std::uint64_t connection = 0;
  metadata::QuorumView view;
};
// AskWhoLeads was answered with an error.
struct AskFailed {
  std::uint64_t connection = 0;
};
// A request was refused because that namenode does not lead; LeaderTold follows.
struct RefusedElsewhere {};
// It is next_wake(), or later, or earlier.
struct SearchWoken {};

using SearchEvent =
    std::variant<RequestsWait, NobodyWaits, Dialed, ConnectionClosed, RequestSent, RequestAnswered,
                 LeaderTold, AskFailed, RefusedElsewhere, SearchWoken>;

// What is to be done, in this order.
struct DialNamenode {
  std::uint64_t connection = 0;
  metadata::Endpoint address;
  bool replace = false;  // The last connection to it may still look open and must be ended.
};
struct AskWhoLeads {
  std::uint64_t connection = 0;
};
// Requests go there from now on, also those that were sent elsewhere and have no answer; 0: they
// wait.
struct UseConnection {
  std::uint64_t connection = 0;
};
// It is of no more use.
struct HangUp {
  std::uint64_t connection = 0;
};
// All namenodes refuse, and to try again does not help: all who wait are told so. The message lacks
// the address.
struct GiveUpAll {
  Error error;
};

using SearchEffect = std::variant<DialNamenode, AskWhoLeads, UseConnection, HangUp, GiveUpAll>;

class LeaderSearch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit LeaderSearch(const LeaderSearchOptions& options);

  std::vector<SearchEffect> step(const SearchEvent& event, TimePoint now);

  // When SearchWoken is due; none: only another event can change anything.
  std::optional<TimePoint> next_wake() const;

  std::uint64_t used() const { return used_; }  // 0: none.
  // REQUIRES: used() is not 0.
  const metadata::Endpoint& used_address() const { return used_contact()->address; }
  // Whether a namenode is connected, though it need not lead.
  bool reaches_any() const;
  // Why the last dial that failed did; one that was refused says more than another one that found
  // nobody. Empty when none has failed.
  const std::string& dial_problem() const { return dial_problem_; }

 private:
  // An address and what is under way with it.
  struct Contact {
    enum class State : std::uint8_t { kAway, kDialing, kThere };

    metadata::Endpoint address;
    bool given = false;
    State state = State::kAway;
    std::uint64_t number = 0;       // Of the last dial.
    metadata::QuorumId member = 0;  // Who answered there last; 0: nobody yet, or it was lost.
    // It said of itself that it does not lead, in terms below this one.
    std::uint64_t denied_below = 0;
    bool heard = false;  // Anything came over this connection.
    bool asked = false;  // Who leads, and has not answered.
    bool replace = false;
    bool refused = false;  // The last dial ended with an error that stays.
    TimePoint dial_at{};   // When it is away: not earlier.
    TimePoint ask_at{};    // When it is there: not earlier.
    Backoff backoff;
  };

  void on(const RequestsWait& event);
  void on(const NobodyWaits& event);
  void on(const Dialed& event);
  void on(const ConnectionClosed& event);
  void on(const RequestSent& event);
  void on(const RequestAnswered& event);
  void on(const LeaderTold& event);
  void on(const AskFailed& event);
  void on(const RefusedElsewhere&) { wants_leader_ = true; }
  void on(const SearchWoken&) {}

  Contact* find(std::uint64_t number, Contact::State state);
  void dial_failed(Contact& contact, const Error& error);
  const Contact* used_contact() const;
  bool is_leader(const Contact& contact) const;
  bool is_better(const Contact& contact) const;
  bool is_content() const;
  bool any_will_do() const { return options_.any_will_do && !wants_leader_; }
  std::chrono::nanoseconds silent_for() const { return now_ - *awaiting_since_; }
  void note_life(Contact& contact);
  void learn(const metadata::QuorumView& view);
  void update_contacts();
  void use(const Contact& contact);
  void stop_using();
  void begin_search();
  void settle();
  void leave_silent();
  void forget();
  void ask(Contact& contact);
  void dial(Contact& contact);
  void dial_leader();
  void dial_next();

  LeaderSearchOptions options_;
  std::minstd_rand random_;
  std::list<Contact> contacts_;
  bool waits_ = false;
  bool wants_leader_ = false;  // Though in general any will do.
  std::uint64_t used_ = 0;
  std::optional<TimePoint> awaiting_since_;  // An answer over the connection in use.
  std::uint64_t last_number_ = 0;
  TimePoint searching_since_{};
  TimePoint widen_at_{};  // When one more is dialed.
  std::string dial_problem_;

  // What is known.
  std::uint64_t term_ = 0;  // 0: nothing.
  metadata::QuorumId leader_ = 0;
  std::vector<metadata::QuorumMember> members_;
  TimePoint viewed_at_{};

  // Of the present step.
  TimePoint now_{};
  std::vector<SearchEffect> effects_;
};

}  // namespace minidfs::client
