#include "transfer/pipeline_receiver.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::transfer {
namespace {

// Blocks that may wait for their answers.
constexpr std::size_t kEndedMax = 512;
// At least so much is on its way to the next node before the disk has it.
constexpr std::size_t kForwardEarlyBytes = 32 * 1024;

}  // namespace

// A node that waits for memory or for its disk does not read, and passes no sign of life on: those
// behind it wait as long for it, for they have no other way to know. To hold an open block is
// cheap.
PipelineReceiver::PipelineReceiver(const Limits& limits, const OpenPipeline& pipeline,
                                   TimePoint now)
    : limits_(limits),
      patience_(limits.next.progress_timeout +
                pipeline.ahead * std::max(limits.next.memory_timeout, limits.disk_timeout)),
      last_keep_alive_(now) {
  if (!pipeline.targets.empty()) next_.emplace(limits.next, pipeline.targets, now);
}

ReceiverEffects PipelineReceiver::step(ReceiverEvent event, TimePoint now) {
  now_ = now;
  effects_.clear();
  std::visit([this](auto& e) { on(e); }, event);
  resume();
  return std::exchange(effects_, {});
}

// --- Input ------------------------------------------------------------------------------------

void PipelineReceiver::on(const PipelineOpened&) {
  if (next_) {
    effects_.emplace_back(ConnectNext{});
  } else {
    phase_ = Phase::kBraked;
  }
}

bool PipelineReceiver::is_braked() const {
  return brakes_.output_full || ended_.size() >= kEndedMax || pauses() ||
         (open_ && open_->stored_here && brakes_.disk_behind);
}

// One file is each pipeline's own.
bool PipelineReceiver::pauses() const {
  return brakes_.files_short && !open_ &&
         std::any_of(ended_.begin(), ended_.end(),
                     [](const EndedBlock& each) { return each.has_file && !each.own; });
}

bool PipelineReceiver::has_file(const BeginBlock& begin) const {
  return begin.stored_bytes_hint == 0 || begin.stored_bytes_hint > limits_.packed_bytes_max;
}

// What follows from the state alone, whatever has led to it.
void PipelineReceiver::resume() {
  if (phase_ == Phase::kBraked && refused_) end_input(*std::exchange(refused_, std::nullopt));
  if (phase_ == Phase::kBraked) {
    if (brakes_.output_full != output_expected_) {
      output_expected_ = brakes_.output_full;
      effects_.emplace_back(ExpectOutputTaken{output_expected_});
    }
    if (is_braked()) return;
    phase_ = Phase::kReceiving;
    effects_.emplace_back(Receive{++input_, open_.has_value(), patience_});
  } else if (phase_ == Phase::kEnding && ended_.empty()) {
    lose_next({Errc::kCancelled, "the pipeline has ended"});
    phase_ = Phase::kOver;
    effects_.emplace_back(ClosePipeline{std::move(status_)});
  }
}

void PipelineReceiver::on(const InputArrived& event) {
  if (awaits(event.input)) phase_ = Phase::kTaking;
}

void PipelineReceiver::on(const InputEnded& event) {
  if (awaits(event.input)) end_input({});
}

void PipelineReceiver::on(const MemoryDenied& event) {
  if (awaits(event.input)) end_input(event.why);
}

void PipelineReceiver::on(const InputTaken& event) {
  if (phase_ != Phase::kTaking || event.input != input_) return;
  phase_ = Phase::kReleasing;
  const bool forward = forwards() && event.unsent_bytes > 0;
  if (forward) next_->sending_begins(now_);
  effects_.emplace_back(ReleaseInput{input_, forward});
}

void PipelineReceiver::on(const InputReleased& event) {
  if (phase_ != Phase::kReleasing || event.input != input_) return;
  if (next_) next_->sending_ends();
  phase_ = Phase::kBraked;
}

void PipelineReceiver::on(const BrakesChanged& event) { brakes_ = event.brakes; }

// Half a block is abandoned; what was ended is still answered.
void PipelineReceiver::end_input(Status status) {
  phase_ = Phase::kEnding;
  status_ = std::move(status);
  if (open_ && open_->stored_here) effects_.emplace_back(AbandonReplica{open_number()});
  open_.reset();
  if (forwards()) {
    next_->no_more_blocks();
    effects_.emplace_back(EndSending{});
  }
  if (std::exchange(output_expected_, false)) effects_.emplace_back(ExpectOutputTaken{false});
}

void PipelineReceiver::on(const WriterGone&) {
  if (phase_ == Phase::kOver) return;
  first_ended_ += ended_.size();
  ended_.clear();
  end_input({});
}

// --- Frames of the writer ---------------------------------------------------------------------

// What came before it is passed on first.
void PipelineReceiver::refuse(std::string message) {
  refused_ = Error{Errc::kProtocol, std::move(message)};
}

void PipelineReceiver::on(const BadFrame& event) {
  if (takes()) refused_ = event.error;
}

void PipelineReceiver::on(const BeginBlock& begin) {
  if (!takes()) return;
  if (open_) {
    return refuse("block " + to_string(begin.block) + " begins inside block " +
                  to_string(open_->begin.block));
  }
  open_.emplace().begin = begin;
  effects_.emplace_back(CreateReplica{open_number(), begin, has_file(begin)});
  tell_cut_off();
}

void PipelineReceiver::on(const SlicesBegun& event) {
  if (!takes()) return;
  if (!open_) return refuse("slices outside a block");
  if (open_->ends) {
    return refuse("slices after the last slice of block " + to_string(open_->begin.block));
  }
  open_->ends = event.last_is_short;
}

void PipelineReceiver::on(const SlicesArrived& event) {
  if (!takes() || !open_) return;
  open_->slices += event.count;
  open_->length += event.raw_bytes;
  if (forwards() && event.stored_bytes >= kForwardEarlyBytes) effects_.emplace_back(ForwardEarly{});
  if (!open_->stored_here) return;
  if (event.verified.ok()) {
    effects_.emplace_back(AppendSlices{open_number()});
  } else {
    lose_replica(wire_status(event.verified.error()));
  }
}

void PipelineReceiver::on(const EndBlock& end) {
  if (!takes()) return;
  if (!open_ || open_->slices != end.slices || open_->length != end.length) {
    return refuse("the end of a block of " + std::to_string(end.slices) + " slices and " +
                  std::to_string(end.length) + " bytes where another one stands");
  }
  if (open_->stored_here) effects_.emplace_back(StoreReplica{open_number()});
  EndedBlock ended{open_->begin.block, has_file(open_->begin), 0, {}, {}};
  if (!open_->stored_here) ended.own = std::move(open_->failure);
  if (!next_) {
    ended.below.emplace();
  } else if (!next_->usable()) {
    ended.below = next_->statuses();
  }
  ended_.push_back(std::move(ended));
  open_.reset();
  acknowledge();
}

// --- The disk ---------------------------------------------------------------------------------

PipelineReceiver::EndedBlock* PipelineReceiver::unanswered(std::uint64_t block) {
  if (block < first_ended_ || block - first_ended_ >= ended_.size()) return nullptr;
  EndedBlock& ended = ended_[block - first_ended_];
  return ended.own ? nullptr : &ended;
}

void PipelineReceiver::on(const ReplicaStored& event) {
  EndedBlock* ended = unanswered(event.block);
  if (ended == nullptr) return;
  ended->stored_bytes = event.stored_bytes;
  ended->own = WireStatus();
  acknowledge();
}

void PipelineReceiver::on(const ReplicaLost& event) {
  if (open_ && event.block == open_number()) {
    if (open_->stored_here) lose_replica(wire_status(event.error));
  } else if (EndedBlock* ended = unanswered(event.block)) {
    effects_.emplace_back(AbandonReplica{event.block});
    ended->own = wire_status(event.error);
    acknowledge();
  }
}

// The open block will not be stored here; the other targets go on.
void PipelineReceiver::lose_replica(WireStatus status) {
  effects_.emplace_back(AbandonReplica{open_number()});
  open_->stored_here = false;
  open_->failure = std::move(status);
  tell_lost(0, open_->failure);
}

// Gives up what the disk keeps waiting for too long.
void PipelineReceiver::judge_disk(const DiskAge& disk, std::chrono::milliseconds& longest) {
  if (disk.stalled < limits_.disk_timeout) {
    longest = std::max(longest, disk.stalled);
    return;
  }
  on(ReplicaLost{disk.block,
                 {Errc::kTimedOut, "the disk has made no progress for " +
                                       std::to_string(disk.stalled.count()) + " ms"}});
}

// --- The next node ----------------------------------------------------------------------------

void PipelineReceiver::on(const NextConnected&) {
  if (phase_ != Phase::kConnecting || !forwards()) return;
  next_->connected(now_);
  phase_ = Phase::kBraked;
}

void PipelineReceiver::on(const NextTook&) {
  if (next_) next_->taken(now_);
}

void PipelineReceiver::on(NextAcked& event) {
  if (!forwards()) return;
  next_->heard(now_);
  auto due = ended_.begin();
  while (due != ended_.end() && due->below) ++due;
  if (due == ended_.end() || due->block != event.ack.block ||
      event.ack.targets.size() != next_->target_count()) {
    return lose_next({Errc::kProtocol, next_->name() + ": ack of block " +
                                           to_string(event.ack.block) + ", which was not due"});
  }
  due->below = std::move(event.ack.targets);
  due->stored_bytes = std::max(due->stored_bytes, event.ack.stored_bytes);
  acknowledge();
}

// A block that is no longer open here awaits its ack, which tells the same.
void PipelineReceiver::on(const NextLost& event) {
  if (!forwards()) return;
  next_->heard(now_);
  const TargetLost& lost = event.lost;
  const bool open = open_ && open_->begin.block == lost.block;
  const std::size_t target = lost.target + 1U;
  const bool due = open || std::any_of(ended_.begin(), ended_.end(), [&](const auto& ended) {
                     return ended.block == lost.block && !ended.below;
                   });
  if (!due || target > next_->target_count() || (open && open_->lost.test(target))) {
    return lose_next({Errc::kProtocol, next_->name() + ": target " + std::to_string(lost.target) +
                                           " of " + std::to_string(next_->target_count()) +
                                           " lost block " + to_string(lost.block) +
                                           ", which could not be or was known"});
  }
  if (open) tell_lost(target, lost.status);
}

void PipelineReceiver::on(const NextAlive& event) {
  if (!forwards()) return;
  if (auto alive = next_->alive(event.disk_stalled, now_); !alive.ok()) lose_next(alive.error());
}

void PipelineReceiver::on(const NextFailed& event) { lose_next(event.error); }

void PipelineReceiver::lose_next(Error reason) {
  if (!forwards()) return;
  next_->give_up(std::move(reason));
  effects_.emplace_back(HangUpNext{});
  if (phase_ == Phase::kConnecting) phase_ = Phase::kBraked;
  for (auto& ended : ended_) {
    if (!ended.below) ended.below = next_->statuses();
  }
  tell_cut_off();
  acknowledge();
}

// --- Answers ----------------------------------------------------------------------------------

// Tells the writer of the open block, which may want to begin it again, that a target has lost it:
// `target` is the number of places behind this node. Without a block the acks tell it soon enough.
void PipelineReceiver::tell_lost(std::size_t target, const WireStatus& status) {
  if (!open_ || open_->lost.test(target)) return;
  open_->lost.set(target);
  effects_.emplace_back(TargetLost{open_->begin.block, static_cast<std::uint8_t>(target), status});
}

// The same for all targets behind this node, once they are cut off: in the block that is open then,
// or else in the next one.
void PipelineReceiver::tell_cut_off() {
  if (!open_ || !next_ || next_->usable() || cut_off_told_) return;
  cut_off_told_ = true;
  const auto statuses = next_->statuses();
  for (std::size_t i = 0; i < statuses.size(); ++i) tell_lost(i + 1, statuses[i]);
}

void PipelineReceiver::acknowledge() {
  while (!ended_.empty() && ended_.front().own && ended_.front().below) {
    EndedBlock& ended = ended_.front();
    AckBlock ack{ended.block, ended.stored_bytes, {}};
    ack.targets.reserve(1 + ended.below->size());
    ack.targets.push_back(*std::move(ended.own));
    for (auto& status : *ended.below) ack.targets.push_back(std::move(status));
    effects_.emplace_back(std::move(ack));
    ended_.pop_front();
    ++first_ended_;
  }
}

void PipelineReceiver::on(const Tick& event) {
  if (forwards()) {
    // A node that receives a block gives signs of life, also while nothing is sent to it.
    const bool frames_due = open_ || std::any_of(ended_.begin(), ended_.end(),
                                                 [](const auto& each) { return !each.below; });
    if (auto status = next_->tick(now_, frames_due); !status.ok()) {
      lose_next(status.error());
    }
  }
  std::chrono::milliseconds longest{0};
  for (const auto& disk : event.disks) judge_disk(disk, longest);
  const bool busy = phase_ == Phase::kConnecting || !idle();
  if (!busy || now_ - last_keep_alive_ < limits_.keep_alive_interval) return;
  last_keep_alive_ = now_;
  // A peer that does not read needs no more signs of life than it already has.
  if (event.output_waits) return;
  effects_.emplace_back(KeepAlive{static_cast<std::uint32_t>(longest.count())});
}

void PipelineReceiver::on(const Excused&) {
  if (next_) next_->excuse(now_);
}

}  // namespace minidfs::transfer
