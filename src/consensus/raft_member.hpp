// Carries out what the Raft core decides for this member: its entries go to the log on disk, its
// messages to the others, and what is committed comes out. Belongs to the log's thread.
//
// What is appended becomes durable, and then counts, when the owner ends its turn: so a batch is
// what came while the batch before was being synced. Meanwhile it is on its way to the others.
// Where there are others the turn's end does not wait for the disk: a leader has to show that it
// lives.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/applier.hpp"
#include "consensus/disk_condition.hpp"
#include "consensus/peers/peer_messages.hpp"
#include "consensus/raft/raft_core.hpp"
#include "consensus/recent_entries.hpp"
#include "consensus/roster.hpp"
#include "consensus/segments/segmented_log.hpp"

namespace minidfs::consensus {

class RaftMember {
 public:
  using TimePoint = RaftCore::TimePoint;

  struct Options {
    std::chrono::milliseconds heartbeat{50};
    std::chrono::milliseconds election_min{250};
    std::chrono::milliseconds election_max{500};
    std::uint64_t kept_bytes_max = 256ULL << 20;  // See LogOptions.
    // Hands a message on; it may be lost.
    std::function<void(MemberId to, std::string bytes)> send;
    // The disk has come to the end of something: begin_turn() takes that. On another thread.
    std::function<void()> synced = [] {};
  };

  RaftMember(std::unique_ptr<SegmentedLog> log, Options options);

  // `applied` is the last entry that the state holds. Errors of this and of all below: the log's
  // disk has failed, and with it the member.
  Status start(Index applied, TimePoint now);

  // Appends these commands, or refuses them all: see take_refused().
  Status propose(std::vector<std::string> commands, std::vector<Waiter> waiters, TimePoint now);
  // What has become durable since the last turn counts; more may be committed then.
  Status begin_turn(TimePoint now);
  // Makes durable what was appended, or begins to, unless it is at that already.
  Status end_turn(TimePoint now);
  // The same, and waits for the disk.
  Status finish_turn(TimePoint now);
  // The disk is at what was appended: what is proposed now would wait for it, and then for a sync
  // of its own.
  bool is_syncing() const { return syncing_.has_value(); }
  Status tick(TimePoint now);
  TimePoint wakes_at() const { return core_.wakes_at(); }
  Status arrived(MemberId from, Packet packet, TimePoint now);
  // The state has applied the entries up to here.
  Status applied(Index index, TimePoint now);
  // The state is durable up to here: what the log has of it may go, but for members who lack it.
  Status durable(Index index, TimePoint now);
  // The process stops in order.
  Status stop() { return log_->store_floor(); }

  MemberId self() const { return log_->member(); }
  Term term() const { return core_.term(); }
  MemberId leader() const { return core_.leader(); }
  bool leads() const { return core_.role() == Role::kLeader; }
  // All that this member's state shows is as new as anything that was ever answered. Thread-safe.
  bool leads_alone() const { return leads_alone_.load(std::memory_order_acquire); }
  Index first() const { return log_->before().index + 1; }
  Index last() const { return log_->last().index; }
  // What the log has on its disk.
  std::uint64_t log_entries() const { return log_->last().index - log_->before().index; }
  std::uint64_t log_bytes() const { return log_->bytes(); }
  Position synced() const { return log_->synced(); }
  Index committed() const { return committed_; }
  bool has_committed() const { return taken_ < committed_; }
  // The next committed entries, of about so many bytes, at least one; each comes once.
  Result<std::vector<CommittedEntry>> take_committed(std::size_t bytes_max);
  // Of commands that are in the log, and not known to be committed.
  std::uint64_t uncommitted_bytes() const { return uncommitted_bytes_; }
  // Those whose commands are not in the log, and never will be.
  std::vector<Waiter> take_refused() { return std::exchange(refused_, {}); }
  // Those whose commands may or may not take effect: leadership was lost, or the disk.
  std::vector<Waiter> take_undecided() { return std::exchange(undecided_, {}); }
  // All who still wait are undecided.
  void give_up();
  // How the log's disk does; others are told.
  DiskCondition disk() const;
  void set_disk_full(bool full) { disk_full_ = full; }

  // --- raft_member_quorum.cpp: reads, members, hand-over, seeds.

  Status ask_to_read(std::uint64_t read, TimePoint now);
  struct ReadsDone {
    std::vector<std::uint64_t> reads;
    std::optional<Index> index;  // That a state must hold to answer them; none: refused.
  };
  std::vector<ReadsDone> take_reads() { return std::exchange(reads_, {}); }

  const Roster& roster() const { return rosters_.latest(); }
  // The entry that says so, or from which on this member was known to those whom it joins.
  Index known() const { return std::max(rosters_.latest_index(), joined_); }
  bool roster_is_committed() const { return rosters_.latest_index() <= committed_; }
  // It was one, and by an entry that is committed is one no more.
  bool is_removed() const { return roster_is_committed() && rosters_.has_removed(self()); }
  // Another roster holds since the last call.
  bool take_roster_changed() { return std::exchange(roster_changed_, false); }
  // The entry of the change, which is to be committed; or why there is none: the outer error is the
  // disk's.
  Result<Result<Index>> change(const MembersChange& change, TimePoint now);
  // What the roster, or a learner that has caught up, makes the next change; none while one is not
  // committed, or when this member does not lead.
  std::optional<MembersChange> due_change() const;
  // A leader's, of all others.
  const std::map<MemberId, FollowerProgress>& progress() const { return core_.progress(); }
  bool hears(MemberId id, TimePoint now) const;

  Status transfer(MemberId to, TimePoint now);
  // Nothing is taken meanwhile.
  bool is_transferring() const { return transferring_; }
  // Why this member leads on.
  std::optional<Refusal> take_transfer_end() { return std::exchange(transfer_end_, {}); }

  // Who is to be given a copy of the state.
  std::vector<MemberId> take_seeds() { return std::exchange(seeds_, {}); }
  // While it is, the log is kept from there on.
  void pin(MemberId member, Index from);
  // It has the copy: what follows it is kept until the member has that, too.
  void loosen_pin(MemberId member);
  void unpin(MemberId member) { pins_.erase(member); }
  // What a copy of the state up to that entry begins with, if the log reaches there.
  std::optional<SeedBegin> seed_at(Index index) const;
  Status seed_ended(MemberId member, bool installed, TimePoint now);
  bool can_be_seeded(Position position) const { return core_.can_be_seeded(position); }
  // The state holds a copy up to there: the log follows. REQUIRES: can_be_seeded(), and the turn
  // is finished.
  Status seeded(Position position, const std::string& members, TimePoint now);

 private:
  struct Pin {
    Index from = 0;
    bool moves = false;  // With the member.
  };

  // A sync that is under way.
  struct Syncing {
    std::uint64_t write = 0;  // As the core counts.
    TimePoint begun_at{};
  };

  Status step(const RaftEvent& event, TimePoint now);
  Status note_durable(TimePoint now);
  bool has_unsynced() const { return log_->synced() != log_->last(); }
  Status sync();
  Result<std::vector<MembersAt>> members_since(Index applied);
  Result<std::vector<MembersAt>> members_in(const std::vector<Entry>& entries) const;
  std::vector<Entry> entries_to_store(const StoreEntries& effect);
  Result<std::string> encode(const Message& message) const;
  Index needed_from(TimePoint now) const;
  void move_pins(TimePoint now);
  void judge_alone();

  Status carry_out(const Send& effect);
  Status carry_out(const StoreHardState& effect);
  Status carry_out(const CutLog& effect);
  Status carry_out(const StoreEntries& effect);
  Status carry_out(const NewEntry& effect);
  Status carry_out(const Commit& effect);
  Status carry_out(const RoleChanged& effect);
  Status carry_out(const MembersChanged& effect);
  Status carry_out(const ProposalRefused& effect);
  Status carry_out(const ChangeRefused& effect);
  Status carry_out(const TransferEnded& effect);
  Status carry_out(const ReadConfirmed& effect);
  Status carry_out(const ReadRefused& effect);
  Status carry_out(const Seed& effect);

  const Options options_;
  std::unique_ptr<SegmentedLog> log_;
  RaftCore core_;
  std::deque<CommittedEntry> window_;  // The end of the log, from the first one not yet taken.
  RecentEntries recent_;
  Index committed_ = 0;
  Index taken_ = 0;
  Index applied_ = 0;
  std::uint64_t uncommitted_bytes_ = 0;
  std::uint64_t durable_ = 0;  // The last write that is, and all before it are.
  std::uint64_t written_ = 0;  // The last one that the core was told of.
  std::uint64_t asked_ = 0;    // The last one that it wanted.
  Index own_first_ = 0;        // The first entry of this leadership.
  std::atomic<bool> leads_alone_{false};
  std::optional<Syncing> syncing_;
  SyncLatency sync_latency_;
  bool disk_full_ = false;

  RosterHistory rosters_;
  Index joined_ = 0;
  bool roster_changed_ = false;
  std::map<MemberId, Pin> pins_;

  // Of the present step: what StoreEntries will store.
  std::vector<std::string> commands_;
  std::vector<Waiter> waiters_;
  std::optional<Entry> own_;
  std::optional<Roster> wanted_;  // That MembersAsked stands for.
  std::vector<Entry> incoming_;

  // What the owner has not taken yet.
  std::vector<Waiter> refused_;
  std::vector<Waiter> undecided_;
  std::vector<ReadsDone> reads_;
  std::optional<Refusal> change_refusal_;
  bool transferring_ = false;
  std::optional<Refusal> transfer_end_;
  std::vector<MemberId> seeds_;
};

}  // namespace minidfs::consensus
