// The wires between the parts of a simulated cluster. What is sent on one connection arrives in
// order; different connections overtake each other, so that what was sent before a reconnection may
// arrive after what was sent on the new connection, twice then. A wire may be cut one way only. It
// may also be out for a while, upon which what was sent meanwhile is sent again: over connections
// that lasted that long it comes ever later, over new ones at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "sim/whole/world.hpp"

namespace minidfs::sim {

// 0 is the namenode, then the datanodes, then the writers.
using Place = int;
inline constexpr Place kNamenode = 0;

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  std::uint64_t connect() { return ++last_connection_; }
  // What crosses a cut wire is lost; the ends find out by their time-outs.
  void send(Place from, Place to, std::uint64_t connection, std::function<void()> deliver);
  // The same as part of a stream: what follows a part that was lost is never delivered.
  void stream(Place from, Place to, std::uint64_t connection, std::function<void()> deliver);

  void cut(Place from, Place to) { cut_.insert({from, to}); }
  void mend(Place from, Place to) { cut_.erase({from, to}); }
  bool is_cut(Place from, Place to) const { return cut_.contains({from, to}); }
  // What is sent within this time arrives after it, up to as much later.
  void put_out(Place from, Place to, milliseconds length) {
    outages_[{from, to}] = {world_.now() + length, length};
  }
  void heal() {
    cut_.clear();
    outages_.clear();
    slow_ = false;
  }
  // Now and then a message then takes seconds.
  void slow(bool slow) { slow_ = slow; }

 private:
  struct Outage {
    TimePoint end{};
    milliseconds length{0};
  };

  using Arrive = std::function<void(bool lost)>;
  void carry(Place from, Place to, std::uint64_t connection, Arrive arrive);

  World& world_;
  std::uint64_t last_connection_ = 0;
  std::set<std::pair<Place, Place>> cut_;
  std::map<std::pair<Place, Place>, Outage> outages_;
  bool slow_ = false;
  // Of a connection.
  struct Direction {
    TimePoint last_arrival{};
    std::uint64_t sent = 0;               // Parts of its stream.
    std::uint64_t whole_to = UINT64_MAX;  // The last one before the first that was lost.
  };
  std::map<std::tuple<std::uint64_t, Place, Place>, Direction> directions_;
};

}  // namespace minidfs::sim
