#include <algorithm>
#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/pipeline.hpp"

namespace minidfs::sim {

using storage::DiskWork;

Receiver::Receiver(Cluster& cluster, SimDatanode& node, std::weak_ptr<Sender> from,
                   Process& from_process, Place from_place, std::uint64_t connection,
                   Transfer transfer)
    : cluster_(cluster),
      node_(node),
      from_(std::move(from)),
      from_process_(from_process),
      from_life_(from_process.life()),
      from_place_(from_place),
      connection_(connection),
      transfer_(std::move(transfer)) {}

TimePoint Receiver::now() const { return cluster_.world.now(); }

void Receiver::to_sender(std::function<void(Sender&)> message) {
  cluster_.network.send(
      node_.place(), from_place_, connection_,
      [from = from_, process = &from_process_, life = from_life_, message = std::move(message)] {
        process->arrive(life, [from, message] {
          if (const auto sender = from.lock()) message(*sender);
        });
      });
}

bool Receiver::listens() const { return !over_ && life_ == node_.process().life(); }

void Receiver::begin() {
  life_ = node_.process().life();
  node_.receives(shared_from_this());
  heard_ = swept_ = now();
  if (transfer_.targets.empty()) {
    below_.emplace();
  } else {
    down_ = Sender::open(cluster_, node_.process(), node_.place(), transfer_,
                         {[this] { forwarded(); },
                          [this](const Stored& left) {
                            for (std::size_t i = 0; i < left.size(); ++i) {
                              if (!left[i]) tell_lost(i + 1);
                            }
                          },
                          [this](const Stored& stored) { below_ended(stored); }});
  }
  sweep_later();
}

// --- Pieces -----------------------------------------------------------------------------------

void Receiver::piece_arrived() {
  if (!listens()) return;
  heard_ = now();
  ++arrived_;
  take_next();
}

void Receiver::take_next() {
  if (over_ || arrived_ == 0 || ticket_.has_value() || forwarding_.has_value()) return;
  ticket_ = node_.ask_memory(*this, now() + kMemoryTimeout);
  node_.grant_memory();
}

void Receiver::granted() {
  ticket_.reset();
  --arrived_;
  const auto piece = received_++;
  held_[piece] = {};
  to_sender([](Sender& sender) { sender.piece_taken(); });
  if (below_.has_value()) {
    held_[piece].forwarded = true;
  } else {
    forwarding_ = piece;
    down_->send_piece();
  }
  if (own_.has_value()) {
    held_[piece].written = true;
    let_go(piece);
  } else {
    write(piece);
  }
  if (received_ == transfer_.pieces) {
    finish();
    acknowledge();  // When it was lost before.
  } else {
    take_next();
  }
}

void Receiver::expired() {
  cluster_.world.note("memory that did not come in time");
  ticket_.reset();
  end();
}

void Receiver::write(std::size_t piece) {
  ++disk_calls_;
  node_.disk().work(DiskWork::kWrite, [self = shared_from_this(), piece] {
    --self->disk_calls_;
    const auto at = self->held_.find(piece);
    if (at == self->held_.end()) return;
    at->second.written = true;
    self->let_go(piece);
    self->finish();
  });
}

void Receiver::forwarded() {
  if (!forwarding_.has_value()) return;
  const auto piece = *std::exchange(forwarding_, std::nullopt);
  held_[piece].forwarded = true;
  let_go(piece);
  take_next();
}

void Receiver::let_go(std::size_t piece) {
  const auto at = held_.find(piece);
  if (at == held_.end() || !at->second.written || !at->second.forwarded) return;
  held_.erase(at);
  node_.give_back_memory(hops());
}

std::optional<TimePoint> Receiver::waits_for_sync_since() const {
  return own_.has_value() ? std::nullopt : syncs_since_;
}

std::string Receiver::describe() const {
  const auto word = [](const std::optional<bool>& stored) {
    return !stored.has_value() ? "open" : *stored ? "stored" : "lost";
  };
  auto text = node_.name() + " has received " + std::to_string(received_) + " of " +
              std::to_string(transfer_.pieces) + " pieces, holds " + std::to_string(held_.size()) +
              (ticket_.has_value() ? ", waits for memory" : "") +
              (forwarding_.has_value() ? ", forwards" : "") + ", " + word(own_) +
              (over_ ? ", over" : "");
  return next() != nullptr ? text + "; " + next()->describe() : text;
}

bool Receiver::waits_for_next_node() const {
  return forwarding_.has_value() && held_.size() == 1 && held_.begin()->second.written;
}

// --- The end of the block ---------------------------------------------------------------------

// What was begun to be finished stays, whether or not somebody still listens.
void Receiver::finish() {
  const bool written =
      std::all_of(held_.begin(), held_.end(), [](const auto& each) { return each.second.written; });
  if (own_.has_value() || received_ < transfer_.pieces || !written || finishing_) return;
  finishing_ = true;
  syncs_since_ = now();
  ++disk_calls_;
  node_.disk().work(DiskWork::kSync, [self = shared_from_this()] {
    --self->disk_calls_;
    self->syncs_since_.reset();
    const bool stored = self->node_.keep(self->transfer_.block, self->transfer_.content);
    if (self->own_.has_value()) return;  // It was given up before.
    self->own_ = stored;
    self->acknowledge();
  });
}

void Receiver::lose_own() {
  cluster_.world.note("a disk left in the middle of a block");
  own_ = false;
  std::vector<std::size_t> pieces;
  for (auto& [piece, state] : held_) {
    state.written = true;
    pieces.push_back(piece);
  }
  for (const auto piece : pieces) let_go(piece);
  tell_lost(0);
  acknowledge();
}

// The writer may want to begin the block again while it is young.
void Receiver::tell_lost(std::size_t target) {
  to_sender([target](Sender& sender) { sender.target_lost(target); });
}

void Receiver::below_ended(const Stored& stored) {
  below_ = stored;
  for (std::size_t i = 0; i < stored.size() && received_ < transfer_.pieces; ++i) {
    if (!stored[i]) tell_lost(i + 1);
  }
  forwarded();
  acknowledge();
}

void Receiver::acknowledge() {
  if (over_ || received_ < transfer_.pieces || !own_.has_value() || !below_.has_value()) return;
  Stored stored{*own_};
  stored.insert(stored.end(), below_->begin(), below_->end());
  to_sender([stored](Sender& sender) { sender.acknowledged(stored); });
  end();
}

void Receiver::sign_of_life() {
  if (listens()) heard_ = now();
}

void Receiver::abandoned() {
  if (listens()) end();
}

void Receiver::end() {
  const auto self = shared_from_this();
  over_ = true;
  if (ticket_.has_value()) node_.cancel_memory(*std::exchange(ticket_, std::nullopt));
  if (down_ != nullptr) down_->close();
  const auto pieces = std::exchange(held_, {}).size();
  for (std::size_t i = 0; i < pieces; ++i) node_.give_back_memory(hops());
  node_.receives_no_more(*this);
}

// --- Signs of life ----------------------------------------------------------------------------

void Receiver::sweep_later() {
  node_.process().later(kPulse, [self = shared_from_this()] { self->sweep(); });
}

void Receiver::sweep() {
  if (over_) return;
  if (now() - std::exchange(swept_, now()) > 2 * kPulse) heard_ = now();
  if (now() - heard_ > kProgressTimeout) {
    cluster_.world.note("a writer given up in the middle of a block");
    return end();
  }
  auto stalled = milliseconds{0};
  if (waits_for_disk()) stalled = node_.disk().stalled_for();
  if (stalled >= kDiskTimeout) {
    lose_own();
    stalled = milliseconds{0};
  }
  if (over_) return;
  to_sender([stalled](Sender& sender) { sender.sign_of_life(stalled); });
  sweep_later();
}

}  // namespace minidfs::sim
