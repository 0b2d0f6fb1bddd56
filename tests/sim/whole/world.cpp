#include "sim/whole/world.hpp"

#include <cstdlib>
#include <iostream>

namespace minidfs::sim {

void World::after(milliseconds delay, std::function<void()> event) {
  events_due_.emplace(std::pair{now_ + delay, next_event_++}, std::move(event));
}

bool World::step(TimePoint until) {
  if (violation_.has_value()) return false;
  if (events_due_.empty() || events_due_.begin()->first.first > until) {
    now_ = until;
    return false;
  }
  auto due = events_due_.extract(events_due_.begin());
  now_ = due.key().first;
  ++events_;
  due.mapped()();
  return true;
}

void World::trace(const std::function<std::string()>& line) {
  static const bool wanted = std::getenv("MINIDFS_SIM_TRACE") != nullptr;
  if (wanted) std::cerr << now_.time_since_epoch() / milliseconds{1} << " ms: " << line() << "\n";
}

void World::violated(std::string what) {
  if (violation_.has_value()) return;
  violation_ =
      "at " + std::to_string(now_.time_since_epoch() / milliseconds{1}) + " ms: " + std::move(what);
}

}  // namespace minidfs::sim
