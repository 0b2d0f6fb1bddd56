// How a datanode becomes and stays known to one namenode of its cluster: when it dials it,
// registers, reports in full and sends heartbeats, and when it obeys its orders. One for each
// namenode (metadata/memberships.hpp). Pure: events and the time come in, what is to be done goes
// out. The datanode actor (actors/datanode_actor.hpp) adds sockets, the store and the clock.
//
//            dialed              Registered           fenced                  last chunk accepted
//  kConnecting ──> kRegistering ───────────> kFencing ─────────> kReporting ─────────> kServing
//     ^   │              ^                      └── fenced, no report asked for ─────────> │
//     │   │ failed       └────────── "register again", another epoch, chunk refused ──────┤
//  kAway <┘ <───────────────── connection closed, or silent for longer than silence_max ──┘
//
// Heartbeats run from kFencing on. A namenode that cannot take a full report yet asks for it in the
// answer to a later heartbeat, and one that has taken a part of it says where to go on. Rules:
// - Every event of a connection carries the connection's number, and every answer the number of its
//   request: what belongs to an earlier connection or an earlier registration changes nothing.
// - A silent request is no dead connection: it is asked again, ever more rarely. A dead peer is
//   found by the kernel (keep-alive probes), which closes the connection.
// - A namenode that is behind what this node knows (metadata/later_state.hpp), or of an earlier
//   leadership, is told everything and obeyed in nothing; what the node knows it keeps.
// - A registration with a leader, and a full report to it, begin with a fence: orders that were
// given
//   before and are not carried out yet are dropped, then the replicas are listed. So what the
//   namenode concludes from the report cannot be undone by an order that it has forgotten, and it
//   may give those again whose answers were lost with a connection.
// - A namenode that follows another one is told the same, so that it knows all when its turn comes,
//   and gives no orders: nothing is dropped for it (kFencing is passed over). When it leads the
//   node registers with it once more, and reports. As long as none leads heartbeats come more
//   often, so that the next one is soon known.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "metadata/block_report.hpp"
#include "metadata/block_types.hpp"
#include "metadata/epoch.hpp"
#include "metadata/order_authority.hpp"

namespace minidfs::metadata {

struct MembershipOptions {
  std::chrono::milliseconds heartbeat_interval{1000};
  std::chrono::milliseconds retry_min{20};  // Between two tries, doubled up to the next.
  std::chrono::milliseconds retry_max{500};
  std::chrono::milliseconds ask_again_after{5000};  // Doubled each time.
  std::chrono::milliseconds silence_max{60'000};
  std::uint64_t seed = 0;  // Of the jitter.
};

enum class MembershipState : std::uint8_t {
  kAway,  // Until the next dial.
  kConnecting,
  kRegistering,
  kFencing,  // Registered; earlier orders are being dropped.
  kReporting,
  kServing,
  kLeft,  // For good.
};

// What happened. `connection` and `request` are the numbers of the effect that it answers.
struct Dialed {
  std::uint64_t connection = 0;
  std::optional<Error> failure;
};
struct ConnectionClosed {
  std::uint64_t connection = 0;
};
struct RegistrationAnswered {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  std::uint64_t report = 0;
  KnownEpoch told;
  ReportPosition from{};
  bool later = false;  // This node knows a later state of the cluster than the namenode.
  bool leads = true;   // The namenode leads, by that epoch.
};
struct HeartbeatAnswered {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  bool register_again = false;
  bool busy = false;  // There is news to tell, or work whose end will be news.
  std::uint64_t report = 0;
  KnownEpoch told;
  ReportPosition from{};
  bool leads = true;
};
struct ChunkAccepted {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  bool ends_report = false;
};
// The namenode answered a request with an error.
struct RequestFailed {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  Error error;
};
struct Fenced {
  std::uint64_t fence = 0;
};
// The replicas could not be listed.
struct ListingFailed {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
};
// The namenode is to hear what there is to tell at once.
struct HeartbeatWanted {};
// It is next_wake(), or later, or earlier.
struct Woken {};
struct LeaveWanted {};

using MembershipEvent =
    std::variant<Dialed, ConnectionClosed, RegistrationAnswered, HeartbeatAnswered, ChunkAccepted,
                 RequestFailed, Fenced, ListingFailed, HeartbeatWanted, Woken, LeaveWanted>;

// What is to be done, in this order.
struct Dial {
  std::uint64_t connection = 0;
  bool replace = false;  // The last connection may still look open and must be ended.
};
// The connection is of no more use; what its requests carried has to be told again.
struct HangUp {
  std::uint64_t connection = 0;
  bool was_silent = false;  // For longer than silence_max; else it was closed or left.
};
struct SendRegistration {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
};
struct SendHeartbeat {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
};
struct SendChunk {
  enum class Part : std::uint8_t { kFirst, kNext, kAgain };
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  std::uint64_t report = 0;
  Part part = Part::kFirst;
  ReportPosition from{};  // Of the first part.
};
// Drop every order that carries an earlier fence's number, keep `known` on disk, then say Fenced.
struct FenceOrders {
  std::uint64_t fence = 0;
  KnownEpoch known;
};
// Keep this on disk, when there is time for it.
struct KeepKnown {
  KnownEpoch known;
};
// The orders in the answer that this step is about are to be carried out, under this fence.
struct ObeyOrders {
  std::uint64_t fence = 0;
};
// The node can never be a member of this cluster.
struct Refused {
  Error error;
};

using MembershipEffect = std::variant<Dial, HangUp, SendRegistration, SendHeartbeat, SendChunk,
                                      FenceOrders, KeepKnown, ObeyOrders, Refused>;

class Membership {
 public:
  // `authority` is the node's, and outlives this.
  Membership(const MembershipOptions& options, OrderAuthority& authority)
      : options_(options), random_(options.seed), authority_(&authority) {}

  std::vector<MembershipEffect> step(const MembershipEvent& event, TimePoint now);

  // When Woken is due; none: only another event can change anything.
  std::optional<TimePoint> next_wake() const;

  MembershipState state() const { return state_; }
  // Whose orders are obeyed, and what RegisterNode tells.
  const KnownEpoch& known() const { return authority_->known(); }
  // Registered over a connection that lasts.
  bool is_member() const {
    return state_ >= MembershipState::kFencing && state_ <= MembershipState::kServing;
  }
  bool leads() const { return leads_; }  // The namenode said so last.

 private:
  // A request and when it is asked (again). Each asking has a number of its own.
  struct Question {
    enum class State : std::uint8_t { kIdle, kDue, kAsked };
    State state = State::kIdle;
    std::uint64_t first = 0;  // first <= last, when asked.
    std::uint64_t last = 0;
    TimePoint at{};        // When it is due, or due again.
    TimePoint asked_at{};  // First.
    std::chrono::milliseconds patience{0};

    bool asked() const { return state == State::kAsked; }
    bool awaits(std::uint64_t number) const { return asked() && first <= number && number <= last; }
  };

  void on(const Dialed& event);
  void on(const ConnectionClosed& event);
  void on(const RegistrationAnswered& event);
  void on(const HeartbeatAnswered& event);
  void on(const ChunkAccepted& event);
  void on(const RequestFailed& event);
  void on(const Fenced& event);
  void on(const ListingFailed& event);
  void on(const HeartbeatWanted& event);
  void on(const Woken& event);
  void on(const LeaveWanted& event);

  bool is_current(std::uint64_t connection) const;
  bool is_silent() const;
  void forgive_gap();
  void go_away();
  void register_at(TimePoint at);
  bool obeys() const { return leads_ && !later_ && authority_->obeys(leader_); }
  void start_report(std::uint64_t report, const ReportPosition& from);
  void begin_chunks();
  void ask(Question& question);
  void due(Question& question, TimePoint at);
  void run(Question& question);
  std::chrono::milliseconds retry_delay();
  std::chrono::milliseconds jittered(std::chrono::milliseconds full);

  MembershipOptions options_;
  Random random_;
  MembershipState state_ = MembershipState::kAway;
  OrderAuthority* authority_;
  // As the namenode told at the last registration.
  Epoch leader_;
  bool leads_ = false;
  bool later_ = false;
  std::uint64_t connection_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t registered_by_ = 0;  // The request; heartbeats of lower numbers are from before.
  TimePoint dial_at_{};
  std::chrono::milliseconds retry_{0};
  bool replace_ = false;
  TimePoint last_answer_{};
  std::uint64_t fence_ = 0;   // The last one asked for here.
  std::uint64_t report_ = 0;  // The last one begun, or about to begin.
  ReportPosition report_from_;
  SendChunk::Part part_ = SendChunk::Part::kFirst;
  Question registration_;
  Question beat_;
  Question chunk_;
  // Of the present step.
  TimePoint now_{};
  std::vector<MembershipEffect> effects_;
};

}  // namespace minidfs::metadata
