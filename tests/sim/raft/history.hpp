// What clients were told, judged: whatever one is told happened after all that anybody had been
// told before it was asked. A log has an order of its own, so this is all that linearizability asks
// for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "sim/raft/payload.hpp"
#include "sim/whole/world.hpp"

namespace minidfs::sim::raft {

class History {
 public:
  explicit History(World& world) : world_(world) {}

  // What is asked now happens after this.
  Index told() const { return told_; }
  void wrote(Index asked_after, Index index) {
    if (index <= asked_after) world_.violated("a change took effect before it was asked for");
    told_ = std::max(told_, index);
    ++writes_;
  }
  void read(Index asked_after, Index index) {
    if (index < asked_after) {
      world_.violated("a read was answered from entry " + std::to_string(index) + ", asked after " +
                      std::to_string(asked_after) + " was known");
    }
    told_ = std::max(told_, index);
    ++reads_;
  }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t reads() const { return reads_; }

 private:
  World& world_;
  Index told_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t reads_ = 0;
};

}  // namespace minidfs::sim::raft
