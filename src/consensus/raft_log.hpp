// The Log: a thread that logs, which never waits for the state, and a lane that applies.
//
//   propose() ──> queue ──> "raft": RaftMember ──committed──> ApplyLane ──> sinks
//                             append, sync                      apply, commit
//                             ^────────────── applied, durable ──┘
//
// Each turn of the log's thread takes what is queued, makes it durable with one sync, and hands on
// what is committed. So a batch is what came while the batch before was being synced.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "consensus/apply_lane.hpp"
#include "consensus/free_space.hpp"
#include "consensus/log.hpp"
#include "consensus/raft_member.hpp"

namespace minidfs::consensus {

class RaftLog final : public Log {
 public:
  // `lock` keeps other processes out of the directory.
  RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock);
  ~RaftLog() override;

  // Starts the threads; returns when this member leads and the state has everything.
  Status start(std::unique_ptr<SegmentedLog> entries);

  ChannelId add_channel(CompletionSink sink) override;
  using Log::propose;
  void propose(ChannelId channel, std::uint64_t token, std::string command, Room room) override;
  MemberId self() const override { return self_; }
  bool is_leader() const override;
  std::chrono::milliseconds silent_for() const override;
  void add_role_sink(RoleSink sink) override;
  void read_index(ReadSink sink) override;
  Index applied() const override { return lane_->applied(); }
  QuorumStatus quorum() const override;
  void change_members(MembersChange change, ChangeSink sink) override;
  void transfer(MemberId to, TransferSink sink) override;

 private:
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

  void run();
  Status set_up();
  void wait();
  void turn();
  Status take_turn();
  Batch take_batch();
  Status check_room();
  Status hand_over();
  void tell_role();
  Leading leading() const;
  void notice();
  void answer_queued(const Error& error);
  void fail(const Error& error);
  void finish();
  void deliver(ChannelId channel, std::vector<Completion> completions);

  const LogOptions options_;
  StateMachine& state_;
  const FatalHandler on_fatal_;
  const UniqueFd lock_;
  MemberId self_ = 0;  // From start() on.

  // Shared with the threads that propose, and with the lane.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Proposal> queue_;
  std::deque<CompletionSink> sinks_;  // References to elements stay valid while it grows.
  std::deque<RoleSink> role_sinks_;
  std::size_t role_sinks_told_ = 0;  // So many of them know `leading_`.
  Leading leading_;
  bool news_ = false;  // Something to do a turn for.
  bool stopping_ = false;
  std::size_t unanswered_ = 0;
  std::chrono::steady_clock::time_point answered_at_;  // Or since when one waits.
  std::atomic<bool> leader_{false};

  // The log's thread only.
  std::optional<RaftMember> member_;
  FreeSpace free_space_;
  std::optional<Error> failure_;  // Set once: the member cannot go on.
  std::optional<ApplyLane> lane_;

  std::promise<Status> started_;
  std::thread thread_;
};

}  // namespace minidfs::consensus
