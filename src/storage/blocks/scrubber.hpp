// Reads and checks every replica of a block store, round after round. A round goes up the ids,
// which say nothing of age; what was stored since the last look is checked before it goes on, the
// newest first. Tells what is bad, and what is whole although it was called bad; changes nothing.
// Owns a thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/blocks/block_store.hpp"

namespace minidfs::storage {

struct ScrubberOptions {
  // Bytes a second of the rounds that nobody asked for; 0: none such.
  std::uint64_t rate_bytes = std::uint64_t{8} << 20;
  // From the begin of one round to that of the next.
  std::chrono::milliseconds interval = std::chrono::hours(7 * 24);
  // How often the files are looked at (not read) between rounds, and what is new is checked.
  std::chrono::milliseconds look_interval = std::chrono::minutes(10);
  // Where the scrubber notes how far it is, to go on there after a restart; empty: nowhere.
  std::string state_file;
  // Whether clients are being served: rounds that nobody asked for then nearly pause.
  std::function<bool()> busy;
  // Called for each bad replica, in the scrubber's thread.
  std::function<void(const ReplicaInfo& replica, const std::string& reason)> found_bad;
  // A replica that was called bad, perhaps for an error that passed, may be whole all the same.
  // `finding` is asked before it is read: a number of what was found last, 0 for nothing.
  std::function<std::uint64_t(const ReplicaInfo& replica)> finding;
  std::function<void(const ReplicaInfo& replica, std::uint64_t finding)> found_whole;
  // Takes those that were called bad since it was asked last. They are read once between rounds;
  // after that the rounds come to them.
  std::function<std::vector<BlockId>()> take_called_bad;
};

struct ScrubProgress {
  std::uint64_t checked = 0;  // Replicas of the present round, or of the last one.
  std::uint64_t total = 0;
  std::uint64_t bad = 0;
  std::int64_t last_end_ms = 0;      // Unix time of the end of the last full round; 0: none yet.
  std::uint64_t last_requested = 0;  // The number of the last requested round that has ended.
};

class Scrubber {
 public:
  // REQUIRES: `store` outlives this object.
  Scrubber(BlockStore& store, ScrubberOptions options);
  // Stops within the time of one read of a megabyte.
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  // Begins a full round at once and at full speed, unless this number was requested before. One
  // that is being carried out on request is first brought to its end.
  void request_round(std::uint64_t number);

  ScrubProgress progress() const;

 private:
  // docs/formats.md, "Datanode's directory": the file `scrub`.
  struct Saved {
    std::uint64_t began_ms = 0;  // Unix time of the last round that nobody asked for; 0: none.
    std::uint64_t after = 0;     // It has come up to this id; 0: to its end.
    std::uint64_t ended_ms = 0;  // As ScrubProgress::last_end_ms.
  };

  void run();
  void load_state();
  void save_state();
  bool scan(BlockId after, bool save);
  void round(std::uint64_t requested);
  // False when the round is to end.
  bool check_new();
  bool check_called_bad();
  bool check_one(const ReplicaInfo& replica);
  bool check_all_files();
  void report(const ReplicaInfo& replica, const std::string& reason);
  bool pace(std::size_t bytes);
  bool wait_until(std::chrono::steady_clock::time_point until);
  bool interrupted() const;

  BlockStore& store_;
  const ScrubberOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::uint64_t requested_ = 0;  // The highest number asked for.
  std::uint64_t begun_ = 0;      // The highest number whose round has begun.
  ScrubProgress progress_;

  // The thread's own.
  bool at_full_speed_ = false;
  Saved saved_;
  std::chrono::steady_clock::time_point saved_at_;
  std::chrono::steady_clock::time_point next_read_;
  std::thread thread_;
};

}  // namespace minidfs::storage
