// Decides what a datanode does as a target of a pipeline: when it reads on, what it writes and
// passes on, when it gives up its disk, the next node or the writer, and what it answers. Pure:
// events and the time come in, effects go out (pipeline_steps.hpp); no clock, socket, file or
// thread. BlockReceiver carries it out on a datanode, tests/sim/whole in a simulated one.
//
//              next node connected         nothing brakes            bytes and memory
//  kConnecting ───────────────────> kBraked ────────────> kReceiving ────────────────> kTaking
//              or given up             ^                      │                           │ all
//                                      │ let go of            │ the end,                  v taken
//                                      └──────────────────────┼─────────────────────  kReleasing
//                          all answered                       v no memory
//                 kOver <───────────────────────────────── kEnding <── a bad frame was met
//
// Beside that, blocks that were ended wait for their disk and for the next node; they are answered
// in their order, and what was ended stays whether or not somebody still listens. Rules:
// - An event that answers an earlier input, or a block that was given up or answered, changes
//   nothing.
// - The next node is given up once, for whatever reason; blocks then go on without it.
// - The loss of a target in the middle of a block is told at once, once for each target.
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "transfer/pipeline_forwarder.hpp"
#include "transfer/pipeline_steps.hpp"

namespace minidfs::transfer {

class PipelineReceiver {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Limits {
    PipelineForwarder::Limits next;
    std::chrono::milliseconds disk_timeout{10'000};
    std::chrono::milliseconds keep_alive_interval{500};
    // A block that is larger, or whose size was not told, has a file of its own.
    std::uint64_t packed_bytes_max = 1U << 20U;
  };

  // `pipeline` as this node was told of it.
  PipelineReceiver(const Limits& limits, const OpenPipeline& pipeline, TimePoint now);

  ReceiverEffects step(ReceiverEvent event, TimePoint now);

  // Takes what the input holds; not after a bad frame.
  bool takes() const { return phase_ == Phase::kTaking && !refused_; }
  // Takes no further block now, though the input may hold one: the disk still has a file of this
  // pipeline open, and there is none to spare for another.
  bool pauses() const;
  // The block that is being received. Slices are checked against it.
  struct OpenBlock {
    BeginBlock begin;
    std::uint64_t slices = 0;  // That have arrived.
    std::uint64_t length = 0;
    bool ends = false;                         // Its last slice is in the frame that came last.
    bool stored_here = true;                   // So far.
    WireStatus failure;                        // When not.
    std::bitset<kFurtherTargetsMax + 1> lost;  // Targets that the writer was told to be lost.
  };
  const std::optional<OpenBlock>& open_block() const { return open_; }
  // Every block was ended and is answered.
  bool idle() const { return !open_ && ended_.empty(); }
  const Brakes& brakes() const { return brakes_; }

 private:
  enum class Phase : std::uint8_t {
    kConnecting,
    kBraked,
    kReceiving,
    kTaking,
    kReleasing,
    kEnding,
    kOver,
  };
  // A block that was ended and is not yet answered.
  struct EndedBlock {
    BlockId block;
    bool has_file = false;  // Of its own, until it is stored.
    std::uint64_t stored_bytes = 0;
    std::optional<WireStatus> own;
    std::optional<std::vector<WireStatus>> below;  // Of the targets behind this node.
  };

  void on(const PipelineOpened& event);
  void on(const InputArrived& event);
  void on(const InputEnded& event);
  void on(const MemoryDenied& event);
  void on(const BeginBlock& begin);
  void on(const SlicesBegun& event);
  void on(const SlicesArrived& event);
  void on(const EndBlock& end);
  void on(const BadFrame& event);
  void on(const InputTaken& event);
  void on(const InputReleased& event);
  void on(const NextConnected& event);
  void on(const NextTook& event);
  void on(NextAcked& event);
  void on(const NextLost& event);
  void on(const NextAlive& event);
  void on(const NextFailed& event);
  void on(const ReplicaLost& event);
  void on(const ReplicaStored& event);
  void on(const BrakesChanged& event);
  void on(const Tick& event);
  void on(const Excused& event);
  void on(const WriterGone& event);

  bool awaits(std::uint64_t input) const { return phase_ == Phase::kReceiving && input == input_; }
  bool forwards() const { return next_ && next_->usable(); }
  bool is_braked() const;
  bool has_file(const BeginBlock& begin) const;
  std::uint64_t open_number() const { return first_ended_ + ended_.size(); }
  EndedBlock* unanswered(std::uint64_t block);
  void resume();
  void end_input(Status status);
  void refuse(std::string message);
  void lose_replica(WireStatus status);
  void lose_next(Error reason);
  void tell_lost(std::size_t target, const WireStatus& status);
  void tell_cut_off();
  void judge_disk(const DiskAge& disk, std::chrono::milliseconds& longest);
  void acknowledge();

  Limits limits_;
  std::chrono::milliseconds patience_;     // With the writer.
  std::optional<PipelineForwarder> next_;  // None for the last node.
  Phase phase_ = Phase::kConnecting;
  std::uint64_t input_ = 0;  // The last one asked for.
  Brakes brakes_;
  bool output_expected_ = false;
  std::optional<Error> refused_;  // What the writer sent.
  Status status_;                 // With which the input ended.
  std::optional<OpenBlock> open_;
  std::deque<EndedBlock> ended_;
  std::uint64_t first_ended_ = 1;  // The number of ended_.front().
  bool cut_off_told_ = false;      // The writer was told that the next node was given up.
  TimePoint last_keep_alive_;
  // Of the present step.
  TimePoint now_{};
  ReceiverEffects effects_;
};

}  // namespace minidfs::transfer
