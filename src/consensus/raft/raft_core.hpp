// Decides what a member of a Raft cluster does: whom it follows or whether it leads, what it logs,
// what is committed, who is a member, when a read may be answered. Pure: events and the time come
// in, effects go out (raft_steps.hpp); no clock, thread, socket, file, and no payload of an entry.
// RaftLog carries it out in a namenode, tests/sim/raft in simulated ones.
//
//            silence                majority would          majority did, durably
//  kFollower ───────> kPreCandidate ──────────────> kCandidate ───────────────────> kLeader
//      ^  TimeoutNow        │                        ^    │                            │
//      │────────────────────┼────────────────────────┘    │                            │
//      └────────────────────┴─────────────────────────────┴────────────────────────────┘
//         a leader of this term, a newer term, or (as leader) silence of the majority or removal
//
// Rules, with their place in Ongaro's dissertation:
// - A vote, a term and an entry are durable before anyone hears of them (3.8). A leader sends its
//   entries while its own disk still writes them, and counts itself when that has them (10.2.1).
// - Only an entry of the leader's own term is committed by counting (3.6.2); so it begins with one
//   that says nothing (6.4).
// - Nobody disturbs a leader that works: who asks for votes asks first whether it would get them
//   (9.6), and who hears of a leader gives none (4.2.3). A leader whom no majority answers steps
//   down (6.2).
// - Members change by one voter or learner at a time, from the entry on, when the change before is
//   committed (4.1), and an entry of the leader's own term too (Ongaro, raft-dev, July 2015).
// - A read is answered after a majority has answered something that was sent after it was asked
//   (6.4). No clock is trusted.
// - Whatever is committed is announced when it is durable here too, so that no state machine is
//   ever ahead of its own log.
// - What comes from other members is never believed to be well-formed: what cannot be is ignored.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "consensus/raft/follower_progress.hpp"
#include "consensus/raft/log_view.hpp"
#include "consensus/raft/member_set.hpp"
#include "consensus/raft/raft_steps.hpp"
#include "consensus/raft/read_queue.hpp"
#include "consensus/raft/vote_tally.hpp"

namespace minidfs::consensus {

class RaftCore {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Options {
    MemberId self = 0;
    std::uint64_t seed = 0;  // Of its chance; another one for each member and start.
    std::chrono::milliseconds heartbeat{50};
    // A follower waits for its leader between the two.
    std::chrono::milliseconds election_min{250};
    std::chrono::milliseconds election_max{500};
    // Of payloads in one Append; a larger entry goes alone.
    std::uint64_t message_bytes_max = 256 * 1024;
    // Of payloads that are on their way to a follower.
    std::uint64_t inflight_bytes_max = 1024 * 1024;
  };

  explicit RaftCore(const Options& options) : options_(options), random_(options.seed) {}

  RaftEffects step(const RaftEvent& event, TimePoint now);

  // When the next Tick is due; max() when none is.
  TimePoint wakes_at() const;

  Role role() const { return role_; }
  Term term() const { return hard_.term; }
  MemberId leader() const { return leader_; }  // 0: not known.
  const LogView& log() const { return log_; }
  // Known to be; of the log, but perhaps not yet durable here.
  Index committed() const { return committed_; }
  Index stored() const { return stored_; }
  const MemberSet& members() const { return members_.latest(); }
  // A leader's, of all others; empty otherwise.
  const std::map<MemberId, FollowerProgress>& progress() const { return progress_; }
  // Who is to be asked for when the learner has caught up, with it as a voter; none while that
  // would be refused. As of the last step.
  std::optional<MemberSet> promotion() const;
  // Whether a copy of a state at `position` says more than what is here.
  bool can_be_seeded(Position position) const;

 private:
  // A message that waits for the disk.
  struct Held {
    std::uint64_t write = 0;
    Send send;
  };
  struct Writing {
    std::uint64_t write = 0;
    Index last = 0;
  };
  struct Transfer {
    MemberId to = 0;
    TimePoint until{};
    bool told = false;  // TimeoutNow was sent.
  };

  void on(const Started& event);
  void on(const Tick& event);
  void on(const Proposed& event);
  void on(const MessageArrived& event);
  void on(const Stored& event);
  void on(const Applied& event);
  void on(const Trimmed& event);
  void on(const ReadAsked& event);
  void on(const TransferAsked& event);
  void on(const MembersAsked& event);
  void on(const Seeded& event);
  void on(const SeedEnded& event);

  // raft_core.cpp: roles, the disk, and what follows from the state alone.
  void follow(Term term, MemberId leader);
  void lead();
  void tell_role();
  void store_hard_state(HardState wanted);
  void store_entries(Index first);
  void cut(Index from);
  void send(MemberId to, const Message& message);
  void send_when_stored(MemberId to, const Message& message, std::uint64_t write);
  void settle();
  void announce();
  void leave_when_removed();

  // raft_election.cpp
  bool may_campaign() const;
  bool hears_a_leader() const;
  void await_leader();
  void ask_would_vote();
  void campaign(bool transfer);
  void ask_voters(const Message& message, std::uint64_t write);
  void count_votes();
  void on(MemberId from, Term term, const PreVote& asked);
  void on(MemberId from, Term term, const PreVoteReply& reply);
  void on(MemberId from, Term term, const Vote& asked);
  void on(MemberId from, Term term, const VoteReply& reply);
  void on(MemberId from, Term term, const TimeoutNow& wanted);

  // raft_follower.cpp
  bool takes_term(const MessageArrived& event);
  void answer_of_before(MemberId from, const Message& message);
  void on_append(const MessageArrived& event, const Append& append);
  bool contradicts_committed(const MessageArrived& event, const Append& append) const;
  void accept(const MessageArrived& event, const Append& append);
  Index append_new(const MessageArrived& event, const Append& append, Index after);
  void refuse(MemberId from, const Append& append);

  // raft_leader.cpp
  void on(MemberId from, Term term, const AppendReply& reply);
  void on_accepted(const AppendReply& reply, FollowerProgress& follower);
  void on_refused(const AppendReply& reply, MemberId from, FollowerProgress& follower);
  void append_own(EntryKind kind, MemberSet members);
  void send_entries();
  void send_entries(MemberId to, FollowerProgress& follower);
  void send_sign_of_life(MemberId to, FollowerProgress& follower);
  void seed(MemberId to, FollowerProgress& follower);
  void begin_round();
  void begin_read_round();
  std::vector<MemberId> quickest_majority() const;
  void check_quorum();
  void count_stored();
  void serve_reads();
  void refuse_reads();

  // raft_changes.cpp: leadership handed over, members.
  std::optional<Refusal> refusal_of_any() const;
  std::optional<Refusal> refusal_of(const MemberSet& members) const;
  bool is_reachable(MemberId id) const;
  bool is_caught_up(MemberId id) const;
  MemberId best_successor() const;
  void further_transfer();
  void end_transfer(Refusal why);
  void members_changed();
  void serve_members();

  Options options_;
  std::mt19937_64 random_;
  Role role_ = Role::kFollower;
  HardState hard_;
  MemberId leader_ = 0;
  LogView log_;
  MemberHistory members_;
  Index committed_ = 0;  // Never cut.
  Index announced_ = 0;  // Not above committed_ and stored_.
  Index applied_ = 0;

  // The disk.
  std::uint64_t write_ = 0;             // The last one asked for.
  std::uint64_t written_ = 0;           // Durable.
  std::uint64_t hard_state_write_ = 0;  // The last one of the hard state.
  Index stored_ = 0;                    // Entries up to here are durable.
  std::deque<Writing> writing_;         // Entries of the log that are not.
  std::deque<Held> held_;               // Of this term; by `write`, but for equal ones.

  // Not as leader.
  TimePoint election_at_{};
  std::optional<TimePoint> leader_heard_at_;
  VoteTally votes_;

  // As leader.
  std::map<MemberId, FollowerProgress> progress_;
  TimePoint heartbeat_at_{};
  std::uint64_t round_ = 0;
  Index own_first_ = 0;  // The first entry of this term.
  ReadQueue reads_;
  std::optional<Transfer> transfer_;

  // Of the present step.
  TimePoint now_{};
  RaftEffects effects_;
  RoleChanged told_;
};

}  // namespace minidfs::consensus
