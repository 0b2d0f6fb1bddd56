#include "sim/whole/network.hpp"

#include <algorithm>

namespace minidfs::sim {

void Network::send(Place from, Place to, std::uint64_t connection, std::function<void()> deliver) {
  if (is_cut(from, to)) return;
  auto delay = world_.between(milliseconds{1}, milliseconds{8});
  if (slow_ && world_.chance(12)) delay = world_.between(milliseconds{200}, milliseconds{4000});
  if (const auto out = outages_.find({from, to});
      out != outages_.end() && world_.now() < out->second.end) {
    delay += std::chrono::duration_cast<milliseconds>(out->second.end - world_.now()) +
             world_.between(milliseconds{0}, out->second.length);
  }
  auto& last = arrivals_[{connection, from, to}];
  last = std::max(last, world_.now() + delay);
  world_.after(std::chrono::duration_cast<milliseconds>(last - world_.now()),
               [this, from, to, deliver = std::move(deliver)] {
                 if (!is_cut(from, to)) deliver();
               });
}

}  // namespace minidfs::sim
