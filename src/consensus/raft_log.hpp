// The Log that libraft drives. One thread runs the event loop; propose() only queues and wakes it.
// Every turn of the loop ends with: commit what was applied, hand over the answers, put what was
// queued meanwhile into the log. So a batch is what came while the batch before was being synced.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file.hpp"
#include "consensus/applier.hpp"
#include "consensus/directory_check.hpp"
#include "consensus/free_space.hpp"
#include "consensus/raft_member.hpp"

namespace minidfs::consensus {

class RaftLog final : public Log {
 public:
  // `lock` keeps other processes out of the directory.
  RaftLog(LogOptions options, StateMachine& state, FatalHandler on_fatal, UniqueFd lock);
  ~RaftLog() override;

  // Starts the thread; returns when the log is usable.
  Status start(const DirectoryFacts& facts);

  ChannelId add_channel(CompletionSink sink) override;
  using Log::propose;
  void propose(ChannelId channel, std::uint64_t token, std::string command, Room room) override;
  bool is_leader() const override { return leader_.load(std::memory_order_acquire); }
  std::chrono::milliseconds silent_for() const override;

 private:
  struct Proposal {
    ChannelId channel = 0;
    std::uint64_t token = 0;
    std::string command;
    Room room = Room::kFree;
  };
  struct Request {
    struct raft_apply apply {};
    RaftLog* log = nullptr;
  };

  void run(const DirectoryFacts& facts);
  void drain();
  Status set_up(const DirectoryFacts& facts);
  Status replay(const DirectoryFacts& facts);
  void open_handles();
  void close_handles();
  void end_turn();
  void pump();
  bool send_some();
  void answer_queued(const Error& error);
  // Answers what is in the backlog, but for what may use the room that is kept free.
  void refuse_for_room(const Error& error);
  void fail(const Error& error);
  void report_failure();
  void deliver();

  // libraft's callbacks.
  static int on_apply(raft_fsm* fsm, const raft_buffer* buffer, void** result);
  static int on_snapshot(raft_fsm* fsm, raft_buffer* buffers[], unsigned* count);
  static int on_snapshot_async(raft_fsm* fsm, raft_buffer* buffers[], unsigned* count);
  static int on_snapshot_finalize(raft_fsm* fsm, raft_buffer* buffers[], unsigned* count);
  static int on_restore(raft_fsm* fsm, raft_buffer* buffer);
  static void on_request_done(struct raft_apply* request, int status, void* result);

  const LogOptions options_;
  const FatalHandler on_fatal_;
  const UniqueFd lock_;
  const std::uint64_t proposer_;

  // Shared with the threads that propose.
  mutable std::mutex mutex_;
  std::deque<Proposal> queue_;
  std::deque<CompletionSink> sinks_;  // References to elements stay valid while it grows.
  bool stopping_ = false;
  std::size_t unanswered_ = 0;
  std::chrono::steady_clock::time_point answered_at_;  // Or since when one waits.
  std::atomic<bool> leader_{false};
  uv_async_t wake_{};

  // The log's thread only.
  RaftMember member_;
  Applier applier_;
  FreeSpace free_space_;
  raft_fsm fsm_{};
  uv_prepare_t before_poll_{};
  uv_check_t after_poll_{};
  std::deque<Proposal> backlog_;
  std::uint64_t sequence_ = 0;
  unsigned requests_in_flight_ = 0;
  bool started_ = false;
  bool opened_ = false;
  bool draining_ = false;
  bool snapshot_running_ = false;
  std::uint64_t snapshot_number_ = 0;
  std::optional<Error> snapshot_error_;  // Written by the pool's thread, read after it is done.
  std::optional<Error> failure_;         // Set once: the member cannot go on.
  bool failure_reported_ = false;

  std::promise<Status> opened_promise_;
  std::thread thread_;
};

}  // namespace minidfs::consensus
