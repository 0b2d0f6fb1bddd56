#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/receiver.hpp"

namespace minidfs::sim {

Channel::Channel(Cluster& cluster, Process& owner, Place place, SimDatanode& node, Hear hear)
    : cluster_(cluster),
      owner_(owner),
      place_(place),
      node_(node),
      hear_(std::move(hear)),
      connection_(cluster.network.connect()) {}

std::shared_ptr<Channel> Channel::open(Cluster& cluster, Process& owner, Place place,
                                       transfer::OpenPipeline pipeline, Hear hear) {
  auto& node = *cluster.at(pipeline.targets.front());
  pipeline.targets.erase(pipeline.targets.begin());
  auto channel = std::make_shared<Channel>(cluster, owner, place, node, std::move(hear));
  channel->receiver_ = std::make_shared<Receiver>(cluster, node, channel, std::move(pipeline));
  channel->to_receiver([](Receiver& receiver) { receiver.begin(); });
  return channel;
}

// Met by the process as it is on arrival: a receiver of an earlier one says nothing any more.
void Channel::to_receiver(std::function<void(Receiver&)> message) {
  cluster_.network.stream(place_, node_.place(), connection_,
                          [node = &node_, receiver = receiver_, message = std::move(message)] {
                            node->process().arrive(node->process().life(),
                                                   [receiver, message] { message(*receiver); });
                          });
}

void Channel::send(Frame frame) {
  waiting_.push_back(std::move(frame));
  pump();
}

void Channel::pump() {
  while (!closed_ && !waiting_.empty()) {
    const bool piece = std::holds_alternative<Piece>(waiting_.front());
    if (piece && piece_under_way_) return;
    piece_under_way_ = piece_under_way_ || piece;
    to_receiver([frame = waiting_.front()](Receiver& receiver) { receiver.arrived(frame); });
    waiting_.pop_front();
  }
}

void Channel::send_alive() {
  if (!closed_) to_receiver([](Receiver& receiver) { receiver.alive(); });
}

void Channel::end() {
  if (!closed_) to_receiver([](Receiver& receiver) { receiver.ended(); });
}

void Channel::close() {
  if (std::exchange(closed_, true)) return;
  waiting_.clear();
  piece_under_way_ = false;
  to_receiver([](Receiver& receiver) { receiver.hung_up(); });
}

void Channel::arrived(const Answer& answer) {
  if (closed_) return;
  if (std::holds_alternative<Took>(answer)) {
    piece_under_way_ = false;
    pump();
  }
  hear_(answer);
}

}  // namespace minidfs::sim
