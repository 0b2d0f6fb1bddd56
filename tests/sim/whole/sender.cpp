#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/pipeline.hpp"

namespace minidfs::sim {

Sender::Sender(Cluster& cluster, Process& owner, Transfer transfer, Events events)
    : cluster_(cluster),
      owner_(owner),
      transfer_(std::move(transfer)),
      events_(std::move(events)),
      heard_(cluster.world.now()),
      swept_(heard_),
      left_(transfer_.targets.size(), true) {}

std::shared_ptr<Sender> Sender::open(Cluster& cluster, Process& owner, Place place,
                                     Transfer transfer, Events events) {
  auto sender = std::make_shared<Sender>(cluster, owner, std::move(transfer), std::move(events));
  sender->channel_ =
      Channel::open(cluster, owner, place, transfer::OpenPipeline{sender->transfer_.targets},
                    [weak = std::weak_ptr(sender)](const Answer& answer) {
                      if (const auto alive = weak.lock()) alive->hear(answer);
                    });
  sender->sweep_later();
  return sender;
}

void Sender::send_piece() {
  MDFS_ASSERT(sent_ == taken_ && sent_ < transfer_.pieces);
  const auto& block = transfer_.block;
  if (sent_ == 0) channel_->send(transfer::BeginBlock{block.id, block.generation, 0});
  waits_since_ = cluster_.world.now();
  channel_->send(Piece{transfer_.content});
  if (++sent_ == transfer_.pieces) channel_->send(transfer::EndBlock{sent_, block.length});
}

void Sender::hear(const Answer& answer) {
  if (over_) return;
  if (!std::holds_alternative<Took>(answer)) heard_ = cluster_.world.now();
  std::visit([this](const auto& each) { on(each); }, answer);
}

void Sender::on(const Took&) {
  ++taken_;
  waits_since_.reset();
  if (taken_ == transfer_.pieces) waits_since_ = cluster_.world.now();  // For the ack.
  events_.taken();
}

void Sender::on(const transfer::KeepAlive& alive) {
  if (milliseconds(alive.disk_stalled_ms) >= kDiskTimeout) {
    end(Stored(transfer_.targets.size(), false));
  }
}

void Sender::on(const transfer::TargetLost& lost) {
  if (lost.block != transfer_.block.id || lost.target >= left_.size() || !left_[lost.target]) {
    return cluster_.world.violated("a target is told to be lost twice, or of another block");
  }
  left_[lost.target] = false;
  events_.lost(left_);
}

void Sender::on(const transfer::AckBlock& ack) {
  if (ack.block != transfer_.block.id || ack.targets.size() != transfer_.targets.size()) {
    return cluster_.world.violated("an ack of another block or of other targets");
  }
  Stored stored;
  for (const auto& status : ack.targets) stored.push_back(status.ok());
  end(stored);
}

void Sender::on(const transfer::WireStatus&) { end(Stored(transfer_.targets.size(), false)); }

void Sender::close() {
  if (std::exchange(over_, true)) return;
  waits_since_.reset();
  channel_->close();
}

void Sender::end(const Stored& stored) {
  if (over_) return;
  const auto self = shared_from_this();
  close();
  const auto events = std::exchange(events_, {});  // They may hold what holds this.
  events.ended(stored);
}

void Sender::sweep_later() {
  owner_.later(kPulse, [self = shared_from_this()] { self->sweep(); });
}

void Sender::sweep() {
  if (over_) {
    events_ = {};  // They may hold what holds this.
    return;
  }
  const auto now = cluster_.world.now();
  // After a gap in its own time this process stood still, not the other.
  if (now - std::exchange(swept_, now) > 2 * kPulse) {
    heard_ = now;
    if (waits_since_.has_value()) waits_since_ = now;
  }
  const bool takes_nothing = sent_ > taken_ && now - *waits_since_ > kTakenTimeout;
  if (takes_nothing || now - heard_ > kProgressTimeout) {
    return end(Stored(transfer_.targets.size(), false));
  }
  channel_->send_alive();
  sweep_later();
}

}  // namespace minidfs::sim
