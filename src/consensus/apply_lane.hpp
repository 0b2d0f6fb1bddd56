// The thread that applies committed entries, so that the log never waits for the state. What was
// given while a batch was being committed is the next batch. Completions leave on this thread too.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "consensus/applier.hpp"
#include "consensus/checkpointer.hpp"

namespace minidfs::consensus {

class ApplyLane {
 public:
  struct Options {
    // A checkpoint is requested after so many commands, or bytes of them.
    std::uint64_t checkpoint_entries = 0;
    std::uint64_t checkpoint_bytes = 0;
    std::function<void(ChannelId, std::vector<Completion>)> deliver;
    // Something that can be asked below has changed. Called on this thread and the checkpointer's.
    std::function<void()> changed;
  };
  // `state` must outlive this.
  ApplyLane(StateMachine& state, Options options);
  ~ApplyLane();
  ApplyLane(const ApplyLane&) = delete;
  ApplyLane& operator=(const ApplyLane&) = delete;

  // Applies and answers what was given, and ends the thread; nothing is given afterwards.
  void finish();

  // All thread-safe. Entries follow the last one given.
  void give(std::vector<CommittedEntry> entries);
  // Answers these with an error, in their turn; `leader` goes with kNotLeader.
  void refuse(std::vector<Waiter> waiters, const Error& error, const MemberAddress& leader = {});
  // Whether as much waits as should.
  bool is_full() const;
  // Requests a checkpoint, whatever has been applied here.
  void checkpoint() { checkpointer_.request(); }
  // Answers these when the entries up to `index` are applied, and visible.
  void answer_at(Index index, std::vector<ReadSink> reads);
  // Those that wait get this.
  void refuse_reads(const Error& error);
  // Runs this on the lane's thread, in its turn; never when the state has failed.
  void run_there(std::function<void()> job);
  // The state becomes the copy that it has taken in, in its turn. Nothing else is given until
  // `done` was called, on this thread, with how that ended. An error is one of the state.
  void install(std::function<void(const Status&)> done);

  // The last entry that was applied, and is visible.
  Index applied() const { return applied_.load(std::memory_order_acquire); }
  Index durable() const { return checkpointer_.durable(); }
  // Of the state: nothing is applied any more, and who waits is told that the outcome is open.
  std::optional<Error> failure() const;
  // Whether there is one of applying. True before anybody is told.
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  std::string room_note() const;  // The state's, of its last batch.

 private:
  struct Refused {
    std::vector<Waiter> waiters;
    Error error;
    MemberAddress leader;
  };
  struct Read {
    Index index = 0;
    ReadSink sink;
  };
  struct Work {
    std::vector<CommittedEntry> entries;
    std::vector<Refused> refused;
    std::vector<Read> reads;
    std::vector<std::function<void()>> jobs;

    bool empty() const {
      return entries.empty() && refused.empty() && reads.empty() && jobs.empty();
    }
  };

  void run();
  void carry_out(Work work);
  void answer_reads();
  void set_failure(const Error& error);
  Status apply(const std::vector<CommittedEntry>& entries);
  void give_up(const Work& work, const Error& error);
  void checkpoint_when_due(const std::vector<CommittedEntry>& entries);
  void deliver();

  StateMachine& state_;
  const Options options_;
  Checkpointer checkpointer_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Work work_;
  std::size_t bytes_ = 0;  // Of entries in work_.
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::string room_note_;
  std::atomic<Index> applied_;
  std::atomic<bool> failed_{false};

  // The thread's own.
  Applier applier_;
  std::vector<Read> reads_;          // Wait for entries.
  std::uint64_t entries_since_ = 0;  // The last checkpoint.
  std::uint64_t bytes_since_ = 0;
  std::thread thread_;
};

}  // namespace minidfs::consensus
