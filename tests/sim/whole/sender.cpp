#include <algorithm>
#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/pipeline.hpp"

namespace minidfs::sim {

Sender::Sender(Cluster& cluster, Process& owner, std::vector<metadata::Endpoint> targets)
    : cluster_(cluster),
      owner_(owner),
      targets_(std::move(targets)),
      heard_(cluster.world.now()),
      swept_(heard_) {}

std::shared_ptr<Sender> Sender::open(Cluster& cluster, Process& owner, Place place,
                                     std::vector<metadata::Endpoint> targets) {
  auto sender = std::make_shared<Sender>(cluster, owner, std::move(targets));
  sender->channel_ = Channel::open(cluster, owner, place, transfer::OpenPipeline{sender->targets_},
                                   [weak = std::weak_ptr(sender)](const Answer& answer) {
                                     if (const auto alive = weak.lock()) alive->hear(answer);
                                   });
  sender->sweep_later();
  return sender;
}

void Sender::begin(std::vector<SentBlock> blocks, Events events) {
  MDFS_ASSERT(idle());
  blocks_ = std::move(blocks);
  events_ = std::move(events);
  block_ = 0;
  pieces_ = 0;
  results_.clear();
  left_.assign(blocks_.size(), Stored(targets_.size(), true));
  heard_ = cluster_.world.now();
}

std::size_t Sender::pieces_left() const {
  std::size_t left = 0;
  for (std::size_t i = block_; i < blocks_.size(); ++i) left += blocks_[i].pieces;
  return left - pieces_;
}

void Sender::send_piece() {
  MDFS_ASSERT(!piece_under_way_ && block_ < blocks_.size());
  const auto& sent = blocks_[block_];
  if (pieces_ == 0) channel_->send(transfer::BeginBlock{sent.block.id, sent.block.generation, 0});
  waits_since_ = cluster_.world.now();
  piece_under_way_ = true;
  channel_->send(Piece{sent.content});
  if (++pieces_ < sent.pieces) return;
  channel_->send(transfer::EndBlock{pieces_, sent.block.length});
  pieces_ = 0;
  if (++block_ > 1) cluster_.world.note("several blocks over one connection");
}

void Sender::hear(const Answer& answer) {
  if (over_) return;
  if (!std::holds_alternative<Took>(answer)) heard_ = cluster_.world.now();
  std::visit([this](const auto& each) { on(each); }, answer);
}

void Sender::on(const Took&) {
  piece_under_way_ = false;
  waits_since_.reset();
  if (block_ == blocks_.size()) waits_since_ = cluster_.world.now();  // For the acks.
  if (events_.taken) events_.taken();
}

void Sender::on(const transfer::KeepAlive& alive) {
  if (!idle() && milliseconds(alive.disk_stalled_ms) >= kDiskTimeout) fail();
}

void Sender::on(const transfer::TargetLost& lost) {
  for (std::size_t i = results_.size(); i < blocks_.size(); ++i) {
    if (blocks_[i].block.id != lost.block || lost.target >= targets_.size()) continue;
    if (!left_[i][lost.target]) break;
    left_[i][lost.target] = false;
    // A batch learns of losses from its acks, which come soon.
    if (blocks_.size() == 1) events_.lost(left_[i]);
    return;
  }
  cluster_.world.violated("target " + std::to_string(lost.target) + " is told to have lost block " +
                          to_string(lost.block) + " twice, or that is another one; " +
                          std::to_string(results_.size()) + " of " +
                          std::to_string(blocks_.size()) + " were acknowledged");
}

void Sender::on(const transfer::AckBlock& ack) {
  const auto due = results_.size();
  if (due >= blocks_.size() || ack.block != blocks_[due].block.id ||
      ack.targets.size() != targets_.size()) {
    return cluster_.world.violated("an ack of another block or of other targets");
  }
  auto& stored = results_.emplace_back();
  for (const auto& status : ack.targets) stored.push_back(status.ok());
  if (block_ == blocks_.size() && !piece_under_way_) waits_since_ = cluster_.world.now();
  if (results_.size() == blocks_.size()) end();
}

void Sender::close() {
  if (std::exchange(over_, true)) return;
  waits_since_.reset();
  channel_->close();
}

// What was not acknowledged was not stored, for all that is known.
void Sender::fail() {
  if (over_) return;
  const auto self = shared_from_this();
  const bool was_idle = idle();
  close();
  results_.resize(blocks_.size(), none());
  if (!was_idle) end();
}

// Nodes behind a failed one stay cut off for the connection's life.
void Sender::end() {
  const auto self = shared_from_this();
  waits_since_.reset();
  const bool whole = std::all_of(results_.begin(), results_.end(), [](const Stored& stored) {
    return std::find(stored.begin(), stored.end(), false) == stored.end();
  });
  if (!whole) close();
  const auto events = std::exchange(events_, {});  // They may hold what holds this.
  events.ended(results_);
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
  if (!idle()) {
    const bool takes_nothing = piece_under_way_ && now - *waits_since_ > kTakenTimeout;
    if (takes_nothing || now - heard_ > kProgressTimeout) return fail();
    channel_->send_alive();
  }
  sweep_later();
}

}  // namespace minidfs::sim
