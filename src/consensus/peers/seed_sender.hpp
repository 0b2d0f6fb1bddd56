// Gives one member a copy of the state: a thread of its own reads it, and sends it piece by piece,
// no faster than allowed and no further ahead of the receiver than a window. The log's thread owns
// it, and tells it what comes back.
//
//   begin_copy() ──number──> start(SeedBegin) ──> pieces ──> SeedEnd ──> done()
//
// When the connection ends it waits for the next one, and goes on where the receiver is.
//
// However it ends, outcome() says so.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "consensus/peers/peer_messages.hpp"
#include "consensus/state_machine.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

class SeedSender {
 public:
  struct Options {
    MemberId to = 0;
    std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes.
    // It is given up when the receiver has not taken anything for so long.
    std::chrono::milliseconds patience{30'000};
    std::function<void(MemberId to, std::string bytes)> send;
    // Something that can be asked below is another one. Called on the seed's thread.
    std::function<void()> changed;
  };
  // `state` must outlive this.
  SeedSender(StateMachine& state, Options options);
  ~SeedSender();  // Ends what is under way, and waits for the thread.
  SeedSender(const SeedSender&) = delete;
  SeedSender& operator=(const SeedSender&) = delete;

  // All thread-safe. The last entry in the copy, while it waits for start().
  std::optional<Index> number() const;
  void start(SeedBegin begin);
  void acknowledged(const SeedAck& ack);
  void done(const SeedDone& done);
  void cancel();
  // The connection has ended, or another one is there: nothing is sent until resume(), which may
  // also say that the receiver has nothing of this seed; then it ends. Whoever pauses it bounds
  // that.
  void pause();
  void resume(const SeedResume& resume);
  // Whether the receiver has installed it; none while it is under way.
  std::optional<bool> outcome() const;

 private:
  enum class Step : std::uint8_t { kCopying, kWaiting, kSending, kEnded };

  void run();
  Status send_all();
  Result<SeedBegin> await_start(Index number);
  Status send_pieces(StateCopy& copy, std::uint64_t seed);
  void send(std::uint64_t number, std::string message);
  Status await_room(std::uint64_t sent);
  Status pace(std::uint64_t sent_bytes, std::chrono::steady_clock::time_point since);
  Status await_done();
  Error cancelled() const;

  StateMachine& state_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Step step_ = Step::kCopying;
  Index number_ = 0;
  std::optional<SeedBegin> begin_;
  std::uint64_t seed_ = 0;
  std::uint64_t taken_ = 0;
  // What the receiver may lack when the connection ends, by numbers, the SeedEnd behind the pieces.
  std::deque<std::pair<std::uint64_t, std::string>> untaken_;
  bool paused_ = false;
  std::optional<bool> done_;
  bool cancelled_ = false;
  bool installed_ = false;
  std::thread thread_;
};

}  // namespace minidfs::consensus
