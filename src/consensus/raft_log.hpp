// The Log: a thread that logs, votes and sends, which never waits for the state, and a lane that
// applies.
//
//   propose() ──> queue ──> "raft": RaftMember ──committed──> ApplyLane ──> sinks
//   PeerLink ───> mail ───>   append, sync, send                apply, commit
//                             ^────────────── applied, durable ──┘
//
// Each turn of the log's thread takes what is there, makes it durable with one sync, and hands on
// what is committed. So a batch is what came while the batch before was being synced. With others
// to hear and to answer, the thread goes on with that meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "consensus/apply_lane.hpp"
#include "consensus/free_space.hpp"
#include "consensus/freshness.hpp"
#include "consensus/log.hpp"
#include "consensus/peers/peer_mail.hpp"
#include "consensus/peers/peer_messages.hpp"
#include "consensus/peers/seed_sender.hpp"
#include "consensus/raft_member.hpp"
#include "consensus/seed_receiver.hpp"

namespace minidfs::consensus {

class RaftLog final : public Log {
 public:
  // `lock` keeps other processes out of the directory.
  RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock);
  ~RaftLog() override;

  // Starts the threads; returns when this member, if it is alone, leads and the state has
  // everything.
  Status start(std::unique_ptr<SegmentedLog> entries);

  ChannelId add_channel(CompletionSink sink) override;
  using Log::propose;
  void propose(ChannelId channel, std::uint64_t token, std::string command, Room room) override;
  MemberId self() const override { return self_; }
  bool is_leader() const override;
  std::chrono::milliseconds silent_for() const override;
  void add_role_sink(RoleSink sink) override;
  void read_index(ReadSink sink) override;
  std::optional<std::chrono::milliseconds> staleness() const override;
  Index applied() const override { return lane_->applied(); }
  QuorumStatus quorum() const override;
  InterfaceVersion known_by_all() const override { return known_by_all_; }
  void change_members(MembersChange change, ChangeSink sink) override;
  void transfer(MemberId to, TransferSink sink) override;

 private:
  using TimePoint = RaftMember::TimePoint;

  struct Proposal {
    Waiter waiter;
    std::string command;
    Room room = Room::kFree;
  };
  // What one turn appends.
  struct Batch {
    std::vector<std::string> commands;
    std::vector<Waiter> waiters;
  };
  struct ChangeWish {
    MembersChange change;
    ChangeSink sink;
  };
  struct TransferWish {
    MemberId to = 0;
    TransferSink sink;
  };
  struct PendingChange {
    Index index = 0;
    Term term = 0;
    ChangeSink sink;
  };
  // That this member gives, or has another one give.
  struct GivenSeed {
    std::uint64_t request = 0;           // With `giver` or `wanted_by`.
    std::unique_ptr<SeedSender> sender;  // None: `giver` has it.
    std::optional<TimePoint> paused_at;  // The connection to the receiver has ended.
    MemberId giver = 0;
    MemberId wanted_by = 0;         // The leader for whom it is given; 0: this one leads.
    std::optional<bool> outcome;    // As the giver says.
    std::uint64_t kept_before = 0;  // See kept_for_seeds().
    std::uint64_t kept_max = 0;     // In addition.
  };
  // Of a connection.
  struct Peer {
    ConnectionEpoch epoch = 0;
    std::optional<Announce> announce;
    bool told_removed = false;
  };

  void run();
  Status set_up();
  Status apply_all();
  void resign();
  TimePoint wakes_at() const;
  void wait();
  void turn();
  Status take_turn();
  Status hand_over();
  std::function<void(MemberId, std::string)> to_peers() const;
  void notice();
  void fail(const Error& error);
  void finish();
  std::chrono::milliseconds held_for() const { return 2 * options_.election_max; }

  // raft_log_proposals.cpp
  void judge_holding(TimePoint now);
  Status take_proposals(TimePoint now);
  Batch take_batch();
  Status check_room();
  void answer_refused();
  void answer_queued(const Error& error, const MemberAddress& leader = {});
  void deliver(ChannelId channel, std::vector<Completion> completions);

  // raft_log_quorum.cpp: who leads, reads, members, hand-over.
  Leading leading() const;
  void publish(TimePoint now);
  QuorumStatus status_of_all(const Leading& leading, TimePoint now) const;
  MemberStatus status_of(const RosterMember& member, TimePoint now) const;
  InterfaceVersion version_of(MemberId member) const;
  void judge_versions();
  Status take_reads(TimePoint now);
  void answer_reads();
  void refuse_reads(std::vector<ReadSink> reads, const Error& error);
  Status take_changes(TimePoint now);
  void answer_change();
  Status make_due_change(TimePoint now);
  std::optional<MembersChange> due_expulsion() const;
  std::optional<MembersChange> due_address() const;
  Status take_transfers(TimePoint now);
  Status leave_bad_disk(TimePoint now);
  bool is_live_voter(MemberId id, TimePoint now) const;
  void answer_transfers(TimePoint now);
  void end_transfers(const Status& status);
  void refuse_wishes(const Error& error);

  // raft_log_freshness.cpp
  void ask_how_fresh();
  void when_committed(std::function<void(Index)> then);
  void note_fresh(const Committed& answer);
  Status heard(MemberId from, const AskCommitted& question, TimePoint now);
  Status heard(MemberId from, const Committed& answer, TimePoint now);

  // raft_log_peers.cpp
  void send(MemberId to, const PeerMessage& message);
  Status take_mail(TimePoint now);
  Status arrived(const PeerMail::Connected& news, TimePoint now);
  Status arrived(const PeerMail::Received& news, TimePoint now);
  Status arrived(const PeerMail::Disconnected& news, TimePoint now);
  Status heard(MemberId from, Packet packet, TimePoint now);
  Status heard(MemberId from, Announce announce, TimePoint now);
  Status heard(MemberId from, const SeedBegin& begin, TimePoint now);
  Status heard(MemberId from, const SeedPiece& piece, TimePoint now);
  Status heard(MemberId from, const SeedEnd& end, TimePoint now);
  Status heard(MemberId from, const SeedAck& ack, TimePoint now);
  Status heard(MemberId from, const SeedDone& done, TimePoint now);
  Status heard(MemberId from, const SeedResume& resume, TimePoint now);
  Status heard(MemberId from, const GiveSeed& wish, TimePoint now);
  Status heard(MemberId from, const SeedGiven& given, TimePoint now);
  Status heard(MemberId from, const Removed& verdict, TimePoint now);
  Status heard(MemberId from, const RolledBack& verdict, TimePoint now);
  bool is_removed(MemberId peer) const;
  void tell_removed();
  Status leave_when_removed();
  Status be_removed(Index index);
  void reach_members();
  void note_members();

  // raft_log_seeds.cpp
  void pause_seeds(MemberId peer, TimePoint now);
  GivenSeed* sent_seed(MemberId to);
  Status further_seeds(TimePoint now);
  Status seed_given(MemberId member, bool installed, bool by_other, TimePoint now);
  void begin_seeds(TimePoint now);
  void begin_seed(MemberId member, TimePoint now);
  std::unique_ptr<SeedSender> new_sender(MemberId to, std::uint64_t bytes_per_second);
  MemberId seed_giver(MemberId member, TimePoint now) const;
  std::optional<bool> outcome_of(MemberId member, GivenSeed& given, TimePoint now);
  void give_up_seed(MemberId member, GivenSeed& given);
  std::uint64_t kept_for_seeds() const;
  void bound_seeds();

  const LogOptions options_;
  StateMachine& state_;
  const FatalHandler on_fatal_;
  const UniqueFd lock_;
  MemberId self_ = 0;  // From start() on.

  // Shared with the threads that ask, with the lane and the link.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Proposal> queue_;
  std::uint64_t queue_bytes_ = 0;
  std::vector<ReadSink> reads_asked_;
  std::vector<ChangeWish> changes_asked_;
  std::vector<TransferWish> transfers_asked_;
  std::deque<CompletionSink> sinks_;  // References to elements stay valid while it grows.
  std::deque<RoleSink> role_sinks_;   // And here.
  std::size_t role_sinks_told_ = 0;   // So many of them know who leads by `status_`.
  QuorumStatus status_;               // Written by the log's thread alone.
  Freshness freshness_;
  bool news_ = false;  // Something to do a turn for.
  bool stopping_ = false;
  std::size_t unanswered_ = 0;
  TimePoint answered_at_;  // Or since when one waits.
  std::atomic<bool> leader_{false};
  std::atomic<InterfaceVersion> known_by_all_{0};
  PeerMail mail_;

  // The log's thread only.
  std::optional<RaftMember> member_;
  FreeSpace free_space_;
  std::optional<Error> failure_;  // Set once: the member cannot go on.
  std::optional<TimePoint> leaderless_since_;
  bool holds_ = false;  // Proposals and reads wait: a leader is expected soon.
  TimePoint status_at_{};
  std::uint64_t last_read_ = 0;
  std::map<std::uint64_t, std::vector<ReadSink>> reads_;  // Asked of the core.
  std::optional<PendingChange> change_;
  std::vector<TransferSink> transfers_;  // Of the hand-over under way.
  std::optional<TimePoint> handed_over_at_;
  bool link_started_ = false;
  std::map<MemberId, Peer> peers_;  // That are connected.
  // Of all that were connected: who comes back with an older one stops at what it does not know.
  std::map<MemberId, InterfaceVersion> versions_;
  Roster reached_;  // As the link was told.
  bool reach_again_ = false;
  std::vector<MemberAddress> goodbyes_;    // Removed in this life, and to be told.
  std::set<MemberId> told_;                // Of them.
  std::map<MemberId, Index> rolled_back_;  // Noticed as leader: what they had acknowledged.
  std::map<MemberId, GivenSeed> seeds_given_;
  std::map<MemberId, TimePoint> seeds_due_;   // Members that are to be given one, and when.
  std::map<MemberId, TimePoint> seeds_wait_;  // No sooner: the last one of theirs has failed.
  std::set<MemberId> hurried_;                // Are given theirs as fast as it goes.
  std::set<MemberId> by_leader_;              // Others could not give them theirs.
  bool holds_back_ = false;                   // Changes wait for a seed.
  TimePoint slow_disk_judged_at_{};           // May be judged from here on.

  std::optional<ApplyLane> lane_;
  std::optional<SeedReceiver> receiver_;

  std::promise<Status> started_;
  std::thread thread_;
};

}  // namespace minidfs::consensus
