// Carries out what the Raft core decides for a member that is alone: its entries go to the log on
// disk, and what is committed comes out. Belongs to the log's thread.
//
// What is appended becomes durable, and then committed, when the owner ends its turn: so a batch is
// what came while the batch before was being synced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/applier.hpp"
#include "consensus/raft/raft_core.hpp"
#include "consensus/segments/segmented_log.hpp"

namespace minidfs::consensus {

class RaftMember {
 public:
  using TimePoint = RaftCore::TimePoint;

  explicit RaftMember(std::unique_ptr<SegmentedLog> log);

  // `applied` is the last entry that the state holds. Errors of this and of all below: the log's
  // disk has failed, and with it the member.
  Status start(Index applied, TimePoint now);

  // Appends these commands, or refuses them all: see take_refused().
  Status propose(std::vector<std::string> commands, std::vector<Waiter> waiters, TimePoint now);
  // Makes durable what was appended; more may be committed then.
  Status end_turn(TimePoint now);
  Status tick(TimePoint now);
  TimePoint wakes_at() const { return core_.wakes_at(); }
  // The state has applied the entries up to here.
  Status applied(Index index, TimePoint now);
  // The state is durable up to here, and what the log has of it may go.
  Status durable(Index index, TimePoint now);
  // The process stops in order.
  Status stop() { return log_->store_floor(); }

  Term term() const { return core_.term(); }
  bool leads() const { return core_.role() == Role::kLeader; }
  Index last() const { return log_->last().index; }
  // What the log has on its disk.
  std::uint64_t log_entries() const { return log_->last().index - log_->before().index; }
  std::uint64_t log_bytes() const { return log_->bytes(); }
  bool has_committed() const { return taken_ < committed_; }
  // The next committed entries, of about so many bytes, at least one; each comes once.
  Result<std::vector<CommittedEntry>> take_committed(std::size_t bytes_max);
  // Those whose commands are not in the log, and never will be.
  std::vector<Waiter> take_refused() { return std::exchange(refused_, {}); }
  // Those whose commands may or may not take effect: leadership was lost, or the disk.
  std::vector<Waiter> take_undecided() { return std::exchange(undecided_, {}); }
  // All who still wait are undecided.
  void give_up();

 private:
  Status step(const RaftEvent& event, TimePoint now);
  Result<std::vector<MembersAt>> members_since(Index applied) const;

  Status carry_out(const StoreHardState& effect);
  Status carry_out(const CutLog& effect);
  Status carry_out(const StoreEntries& effect);
  Status carry_out(const NewEntry& effect);
  Status carry_out(const Commit& effect);
  Status carry_out(const RoleChanged& effect);
  Status carry_out(const ProposalRefused& effect);
  // Nobody else is there who would be told, seeded or made a member, and nobody asks to read.
  Status carry_out(const Send&) { return {}; }
  Status carry_out(const MembersChanged&) { return {}; }
  Status carry_out(const ChangeRefused&) { return {}; }
  Status carry_out(const TransferEnded&) { return {}; }
  Status carry_out(const ReadConfirmed&) { return {}; }
  Status carry_out(const ReadRefused&) { return {}; }
  Status carry_out(const Seed&) { return {}; }

  std::unique_ptr<SegmentedLog> log_;
  RaftCore core_;
  std::deque<CommittedEntry> window_;  // The end of the log, from the first one not yet taken.
  Index committed_ = 0;
  Index taken_ = 0;
  std::uint64_t written_ = 0;  // The last write that the core was told of.
  std::uint64_t asked_ = 0;    // The last one that it wanted.
  // Of the present step: what StoreEntries will number.
  std::vector<std::string> commands_;
  std::vector<Waiter> waiters_;
  std::optional<Entry> own_;
  std::vector<Waiter> refused_;
  std::vector<Waiter> undecided_;
};

}  // namespace minidfs::consensus
