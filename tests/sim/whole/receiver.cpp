#include "sim/whole/receiver.hpp"

#include <algorithm>
#include <utility>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {
namespace {

using For = transfer::PeerWait::For;

constexpr std::uint64_t kPieceBytes = 64 << 10;
constexpr milliseconds kConnectTimeout{1000};
constexpr milliseconds kIdleTimeout{8000};

transfer::PipelineReceiver::Limits receiver_limits() {
  return {{kConnectTimeout, kProgressTimeout, kMemoryTimeout, kDiskTimeout, milliseconds{0}},
          kDiskTimeout,
          kPulse};
}

}  // namespace

Receiver::Receiver(Cluster& cluster, SimDatanode& node, std::shared_ptr<Channel> from,
                   transfer::OpenPipeline pipeline)
    : cluster_(cluster),
      node_(node),
      from_(from),
      from_life_(from->owner_.life()),
      pipeline_(std::move(pipeline)) {}

TimePoint Receiver::now() const { return cluster_.world.now(); }

bool Receiver::listens() const { return !over_ && life_ != 0 && life_ == node_.process().life(); }

void Receiver::to_sender(Answer answer) {
  const auto from = from_.lock();
  if (from == nullptr) return;
  auto& owner = from->owner_;
  cluster_.network.stream(node_.place(), from->place_, from->connection_,
                          [from = from_, owner = &owner, life = from_life_, answer] {
                            owner->arrive(life, [from, answer] {
                              if (const auto channel = from.lock()) channel->arrived(answer);
                            });
                          });
}

void Receiver::step(transfer::ReceiverEvent event) {
  for (auto& effect : core_->step(std::move(event), now())) {
    std::visit([this](const auto& each) { act(each); }, effect);
  }
}

void Receiver::begin() {
  life_ = node_.process().life();
  node_.receives(shared_from_this());
  swept_ = now();
  core_.emplace(receiver_limits(), pipeline_, now());
  to_sender(transfer::Welcome{});
  step(transfer::PipelineOpened{});
  sweep_later();
}

// --- Input ------------------------------------------------------------------------------------

void Receiver::arrived(const Frame& frame) {
  if (!listens()) return;
  arrived_.push_back(frame);
  wait_.progressed(now());
  try_receive();
}

// Read, and passed on, when nothing keeps this node from reading.
void Receiver::alive() {
  if (!listens() || !receive_.has_value() || ticket_.has_value()) return;
  wait_.progressed(now());
  if (next_ != nullptr) next_->send_alive();
}

void Receiver::ended() {
  if (!listens()) return;
  ended_ = true;
  try_receive();
}

// Who does not read its socket notices that the other end has gone, all the same.
void Receiver::hung_up() {
  if (!listens()) return;
  if (receive_.has_value() && !ticket_.has_value()) return ended();
  step(transfer::WriterGone{});
}

void Receiver::act(const transfer::Receive& effect) {
  receive_ = effect;
  if (effect.in_block) {
    wait_.begin(For::kFrame, now(), effect.patience);
  } else {
    wait_.begin(For::kIdle, now(), kIdleTimeout);
  }
  try_receive();
}

void Receiver::try_receive() {
  if (!receive_.has_value() || ticket_.has_value()) return;
  if (!arrived_.empty()) {
    wait_.begin(For::kMemory, now(), milliseconds{0});
    ticket_ = node_.ask_memory(*this, now() + kMemoryTimeout);
    node_.grant_memory();
  } else if (ended_) {
    step(transfer::InputEnded{std::exchange(receive_, std::nullopt)->input});
  }
}

void Receiver::expired() {
  cluster_.world.note("memory that did not come in time");
  if (receive_->in_block) cluster_.world.note("memory denied in the middle of a block");
  ticket_.reset();
  step(transfer::MemoryDenied{std::exchange(receive_, std::nullopt)->input,
                              {Errc::kUnavailable, "no memory"}});
}

void Receiver::granted() {
  ticket_.reset();
  wait_.begin(For::kNothing, now(), milliseconds{0});
  held_[++lease_] = {};
  const auto input = std::exchange(receive_, std::nullopt)->input;
  step(transfer::InputArrived{input});
  take();
  tell_brakes();
  step(transfer::InputTaken{input, unsent_.size() + (next_ ? next_->untaken() : 0)});
}

// Frames, of which one may have a piece of a block.
void Receiver::take() {
  bool piece_seen = false;
  while (core_->takes() && !arrived_.empty()) {
    const Frame frame = arrived_.front();
    const auto* piece = std::get_if<Piece>(&frame);
    if (piece != nullptr && std::exchange(piece_seen, true)) return;
    arrived_.pop_front();
    unsent_.push_back(frame);
    if (piece != nullptr) {
      take_piece(*piece);
    } else if (const auto* begin = std::get_if<transfer::BeginBlock>(&frame)) {
      step(*begin);
    } else {
      // The length is told here; the core counts the bytes of its slices.
      const auto& end = std::get<transfer::EndBlock>(frame);
      if (!replicas_.empty()) replicas_.rbegin()->second.length = end.length;
      step(transfer::EndBlock{end.slices, end.slices * kPieceBytes});
    }
  }
}

void Receiver::take_piece(const Piece& piece) {
  to_sender(Took{});
  step(transfer::SlicesBegun{false});
  piece_ = &piece;
  step(transfer::SlicesArrived{1, kPieceBytes, kPieceBytes, {}});
  piece_ = nullptr;
}

void Receiver::act(const transfer::ForwardEarly&) { forward(); }

void Receiver::forward() {
  for (auto& frame : std::exchange(unsent_, {})) next_->send(std::move(frame));
}

void Receiver::act(const transfer::ReleaseInput& effect) {
  release_ = effect;
  if (effect.forward) forward();
  unsent_.clear();
  release_if_taken();
}

void Receiver::release_if_taken() {
  if (!release_.has_value() || (release_->forward && next_ && next_->untaken() > 0)) return;
  const auto input = std::exchange(release_, std::nullopt)->input;
  held_[lease_].in_use = false;
  give_back_if_free(lease_);
  tell_brakes();
  step(transfer::InputReleased{input});
}

void Receiver::give_back_if_free(std::size_t lease) {
  const auto at = held_.find(lease);
  if (at == held_.end() || at->second.in_use || at->second.writes > 0) return;
  held_.erase(at);
  node_.give_back_memory(hops());
  retire_if_done();
}

// --- The next node ----------------------------------------------------------------------------

void Receiver::act(const transfer::ConnectNext&) {
  auto rest = pipeline_;
  ++rest.ahead;
  next_ = Channel::open(cluster_, node_.process(), node_.place(), rest,
                        [weak = weak_from_this()](const Answer& answer) {
                          const auto alive = weak.lock();
                          if (alive != nullptr && alive->listens()) alive->hear(answer);
                        });
}

void Receiver::hear(const Answer& answer) {
  if (std::holds_alternative<transfer::Welcome>(answer)) {
    step(transfer::NextConnected{});
  } else if (std::holds_alternative<Took>(answer)) {
    step(transfer::NextTook{});
    release_if_taken();
  } else if (const auto* ack = std::get_if<transfer::AckBlock>(&answer)) {
    step(transfer::NextAcked{*ack});
  } else if (const auto* lost = std::get_if<transfer::TargetLost>(&answer)) {
    step(transfer::NextLost{*lost});
  } else if (const auto* alive = std::get_if<transfer::KeepAlive>(&answer)) {
    step(transfer::NextAlive{milliseconds(alive->disk_stalled_ms)});
  } else if (std::holds_alternative<Closed>(answer)) {
    step(transfer::NextFailed{{Errc::kUnavailable, "closed"}});
  } else {
    step(transfer::NextFailed{std::get<transfer::WireStatus>(answer).to_error()});
  }
}

void Receiver::act(const transfer::HangUpNext&) {
  if (judging_ && node_.disk().hangs_since().has_value()) {
    cluster_.world.note("a next node given up while the disk hangs");
  }
  const auto next = std::exchange(next_, nullptr);
  next->close();
  unsent_.clear();
  node_.process().later(milliseconds{0}, [self = shared_from_this()] { self->release_if_taken(); });
}

// --- The end ----------------------------------------------------------------------------------

void Receiver::act(const transfer::TargetLost& lost) { to_sender(lost); }

// What the disk still owes keeps its memory.
void Receiver::act(const transfer::ClosePipeline& effect) {
  if (!effect.status.ok()) to_sender(transfer::wire_status(effect.status.error()));
  to_sender(Closed{});
  over_ = true;
  receive_.reset();
  if (ticket_.has_value()) node_.cancel_memory(*std::exchange(ticket_, std::nullopt));
  retire_if_done();
}

void Receiver::retire_if_done() {
  if (over_ && held_.empty()) node_.receives_no_more(*this);
}

void Receiver::sweep_later() {
  node_.process().later(kPulse, [self = shared_from_this()] { self->sweep(); });
}

void Receiver::sweep() {
  if (over_) return;
  if (now() - std::exchange(swept_, now()) > 2 * kPulse) {
    wait_.progressed(now());
    step(transfer::Excused{});
  }
  if (wait_.too_long(now()) && receive_.has_value()) {
    if (receive_->in_block) {
      cluster_.world.note("a writer given up in the middle of a block");
    }
    step(transfer::InputEnded{std::exchange(receive_, std::nullopt)->input});
  }
  if (over_) return;
  std::vector<transfer::DiskAge> disks;
  for (const auto& [block, replica] : replicas_) {
    if (!replica.abandoned) disks.push_back({block, node_.disk().stalled_for()});
  }
  judging_ = true;
  step(transfer::Tick{disks, false});
  judging_ = false;
  if (!over_) sweep_later();
}

// --- For checkers -----------------------------------------------------------------------------

std::optional<TimePoint> Receiver::waits_for_disk_since() const {
  if (over_) return std::nullopt;
  for (const auto& [block, replica] : replicas_) {
    if (replica.storing && !replica.abandoned) return replica.waits_for_disk_since;
  }
  return std::nullopt;
}

bool Receiver::waits_for_next_node() const {
  return release_.has_value() && release_->forward && next_ != nullptr && held_.size() == 1 &&
         held_.begin()->second.writes == 0;
}

std::string Receiver::describe() const {
  auto text = node_.name() + " holds " + std::to_string(held_.size()) + " pieces, has " +
              std::to_string(arrived_.size()) + " frames in its socket" +
              (ticket_.has_value() ? ", waits for memory" : "") +
              (release_.has_value() ? ", forwards" : "") +
              (replicas_.empty() ? "" : ", waits for its disk") + (over_ ? ", over" : "");
  return next() != nullptr ? text + "; " + next()->describe() : text;
}

}  // namespace minidfs::sim
