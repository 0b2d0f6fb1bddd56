// A simulated member: RaftCore with a disk, a state machine and its share of a network. It does
// what the namenode's RaftLog does, on the world's one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/raft/raft_core.hpp"
#include "sim/raft/log_disk.hpp"
#include "sim/raft/payload.hpp"
#include "sim/whole/process.hpp"

namespace minidfs::sim::raft {

class Cluster;

// A message with what travels beside it.
struct Packet {
  MemberId from = 0;
  consensus::Message message;
  std::vector<SimEntry> entries;
};

class Member {
 public:
  // Told once: the index of the last that was proposed, or the applied one that a read is answered
  // from; none when it was refused, or its outcome is open.
  using Answer = std::function<void(std::optional<Index>)>;

  // The first members know each other from the start; `members` is empty for one that is to join.
  Member(Cluster& cluster, MemberId id, const MemberSet& members);

  void start();
  void crash();
  void propose(const std::vector<std::uint64_t>& commands, Answer answer);
  void read(Answer answer);
  void transfer(MemberId to) { step(consensus::TransferAsked{to}); }
  void change(const MemberSet& members) { step(consensus::MembersAsked{members}); }
  void arrive(const Packet& packet);
  // A copy of another's state.
  void take_seed(const SimState& state, const std::function<void()>& ended);
  void seed_ended(MemberId of) { step(consensus::SeedEnded{of}); }

  MemberId id() const { return id_; }
  Process& process() { return process_; }
  const Process& process() const { return process_; }
  LogDisk& disk() { return disk_; }
  const LogDisk& disk() const { return disk_; }
  const SimState& state() const { return state_; }
  const SimLog& log() const { return log_; }
  const MemberSet& members_by_log() const;
  // Of one that is up.
  const consensus::RaftCore& core() const { return *core_; }
  // The last message.
  TimePoint heard_at() const { return heard_at_; }
  bool leads() const { return process_.works() && core_->role() == consensus::Role::kLeader; }
  // Its clock runs so much faster than the world's, in percent.
  int clock_fast = 0;
  // Crashes as soon as it has voted, once.
  bool dies_of_vote = false;

 private:
  void step(const consensus::RaftEvent& event);
  consensus::RaftCore::TimePoint own_now() const;
  void tick();
  void keep_house();
  void apply_later(Index index);
  void apply_up_to(Index index);
  void answer_reads();
  void voted(Term term, MemberId candidate);

  void carry_out(const consensus::Send& effect);
  void carry_out(const consensus::StoreHardState& effect);
  void carry_out(const consensus::CutLog& effect);
  void carry_out(const consensus::StoreEntries& effect);
  void carry_out(const consensus::NewEntry& effect);
  void carry_out(const consensus::Commit& effect);
  void carry_out(const consensus::RoleChanged& effect);
  void carry_out(const consensus::MembersChanged& effect);
  void carry_out(const consensus::ProposalRefused& effect);
  void carry_out(const consensus::ChangeRefused& effect);
  void carry_out(const consensus::TransferEnded& effect);
  void carry_out(const consensus::ReadConfirmed& effect);
  void carry_out(const consensus::ReadRefused& effect);
  void carry_out(const consensus::Seed& effect);

  Cluster& cluster_;
  const MemberId id_;
  Process process_;
  LogDisk disk_;
  std::unique_ptr<consensus::RaftCore> core_;
  SimLog log_;                          // With what is still to become durable.
  SimState state_;                      // With what is not in the last checkpoint.
  std::map<Index, MemberSet> members_;  // That the log names, and before it the state.
  TimePoint heard_at_{};
  // Of the present step.
  std::vector<SimEntry> incoming_;  // Before log_'s end are those that are there already.
  Index incoming_first_ = 0;
  bool proposal_refused_ = false;

  std::map<Index, std::pair<Term, Answer>> proposals_;
  std::uint64_t last_read_ = 0;
  std::map<std::uint64_t, Answer> reads_;
  std::vector<std::pair<Index, std::uint64_t>> confirmed_;  // Wait for the state machine.
};

}  // namespace minidfs::sim::raft
