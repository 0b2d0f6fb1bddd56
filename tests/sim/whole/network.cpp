#include "sim/whole/network.hpp"

#include <algorithm>

namespace minidfs::sim {

void Network::send(Place from, Place to, std::uint64_t connection, std::function<void()> deliver) {
  carry(from, to, connection, [deliver = std::move(deliver)](bool lost) {
    if (!lost) deliver();
  });
}

void Network::stream(Place from, Place to, std::uint64_t connection,
                     std::function<void()> deliver) {
  auto& direction = directions_[{connection, from, to}];
  const auto part = ++direction.sent;
  carry(from, to, connection, [&direction, part, deliver = std::move(deliver)](bool lost) {
    if (lost) direction.whole_to = std::min(direction.whole_to, part - 1);
    if (part <= direction.whole_to) deliver();
  });
}

void Network::carry(Place from, Place to, std::uint64_t connection, Arrive arrive) {
  if (is_cut(from, to)) return arrive(true);
  auto delay = world_.between(milliseconds{1}, milliseconds{8});
  if (slow_ && world_.chance(12)) delay = world_.between(milliseconds{200}, milliseconds{4000});
  if (const auto out = outages_.find({from, to});
      out != outages_.end() && world_.now() < out->second.end) {
    delay += std::chrono::duration_cast<milliseconds>(out->second.end - world_.now()) +
             world_.between(milliseconds{0}, out->second.length);
  }
  auto& last = directions_[{connection, from, to}].last_arrival;
  last = std::max(last, world_.now() + delay);
  world_.after(std::chrono::duration_cast<milliseconds>(last - world_.now()),
               [this, from, to, arrive = std::move(arrive)] { arrive(is_cut(from, to)); });
}

}  // namespace minidfs::sim
