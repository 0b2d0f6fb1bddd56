#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/pipeline.hpp"

namespace minidfs::sim {

Sender::Sender(Cluster& cluster, Process& owner, Place place, Transfer transfer, Events events)
    : cluster_(cluster),
      owner_(owner),
      place_(place),
      transfer_(std::move(transfer)),
      events_(std::move(events)) {}

std::shared_ptr<Sender> Sender::open(Cluster& cluster, Process& owner, Place place,
                                     Transfer transfer, Events events) {
  auto sender =
      std::make_shared<Sender>(cluster, owner, place, std::move(transfer), std::move(events));
  sender->node_ = cluster.at(sender->transfer_.targets.front());
  sender->connection_ = cluster.network.connect();
  sender->left_ = Stored(sender->transfer_.targets.size(), true);
  sender->heard_ = sender->swept_ = cluster.world.now();
  auto behind = sender->transfer_;
  behind.targets.erase(behind.targets.begin());
  sender->receiver_ = std::make_shared<Receiver>(cluster, *sender->node_, sender, owner, place,
                                                 sender->connection_, std::move(behind));
  sender->to_receiver([](Receiver& receiver) { receiver.begin(); });
  sender->sweep_later();
  return sender;
}

// Met by the process as it is on arrival: a receiver of an earlier one says nothing any more.
void Sender::to_receiver(std::function<void(Receiver&)> message) {
  cluster_.network.send(place_, node_->place(), connection_,
                        [node = node_, receiver = receiver_, message = std::move(message)] {
                          node->process().arrive(node->process().life(),
                                                 [receiver, message] { message(*receiver); });
                        });
}

void Sender::send_piece() {
  MDFS_ASSERT(sent_ == taken_ && sent_ < transfer_.pieces);
  ++sent_;
  waits_since_ = cluster_.world.now();
  to_receiver([](Receiver& receiver) { receiver.piece_arrived(); });
}

void Sender::heard() { heard_ = cluster_.world.now(); }

void Sender::piece_taken() {
  heard();
  if (over_) return;
  ++taken_;
  waits_since_.reset();
  if (taken_ == transfer_.pieces) waits_since_ = cluster_.world.now();  // For the ack.
  events_.taken();
}

void Sender::sign_of_life(milliseconds stalled) {
  heard();
  if (stalled >= kDiskTimeout) end(Stored(transfer_.targets.size(), false));
}

void Sender::target_lost(std::size_t target) {
  heard();
  if (over_ || !left_[target]) return;
  left_[target] = false;
  events_.lost(left_);
}

void Sender::acknowledged(const Stored& stored) {
  heard();
  end(stored);
}

void Sender::close() {
  if (std::exchange(over_, true)) return;
  waits_since_.reset();
  to_receiver([](Receiver& receiver) { receiver.abandoned(); });
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
  to_receiver([](Receiver& receiver) { receiver.sign_of_life(); });
  sweep_later();
}

}  // namespace minidfs::sim
