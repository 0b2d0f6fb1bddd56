// What a namenode must never say or do, whether or not bytes are lost by it in this schedule:
// judged from its answers and the namespace alone.
#pragma once

#include <set>
#include <span>

#include "actors/client_messages.hpp"
#include "actors/datanode_messages.hpp"
#include "sim/whole/namespace_state.hpp"
#include "sim/whole/world.hpp"

namespace minidfs::sim {

class Promises {
 public:
  // A leadership younger than `quiet` orders nothing removed.
  Promises(World& world, milliseconds quiet) : world_(world), quiet_(quiet) {}

  void leadership_begins();
  // No block is granted twice, in whatever life.
  void granted(const actors::WriteGrant& grant);
  // It gives up what it has retired.
  void given_up(std::span<const metadata::BlockRange> ranges);
  // A renewal was accepted: nothing in it was given up before by this leadership.
  void renewed(std::span<const metadata::BlockRange> ranges, const NamespaceState& state);
  // What no file ever owned is retired before any replica of it is ordered removed.
  void ordered(const actors::HeartbeatReply& reply, NamespaceState& state);

 private:
  World& world_;
  milliseconds quiet_;
  TimePoint began_{};
  std::set<BlockId> granted_;
  std::set<BlockId> given_up_;
};

}  // namespace minidfs::sim
