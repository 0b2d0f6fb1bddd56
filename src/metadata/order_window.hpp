// The deletions that one datanode has been or is to be ordered to carry out. So many are under way
// at a time, and none twice: the node's own queue stays as short. Pure; owned by the namenode's
// block actor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.hpp"
#include "metadata/block_types.hpp"

namespace minidfs::metadata {

class OrderWindow {
 public:
  struct Options {
    std::size_t unconfirmed_max = 2'000;
    // What is under way is sent again when the node has confirmed nothing for so long: as long as
    // it confirms, its queue moves. It is also sent again when one that was sent so much later has
    // been confirmed: the node takes them in turn, and did not take or could not carry out this
    // one.
    std::chrono::milliseconds repeat_after{30'000};
    // So many that are not due any more are passed over at a time, so that a decision which was
    // taken back for a million replicas costs no heartbeat more than its part of them.
    std::size_t forgotten_max = 4'000;
  };
  OrderWindow() : OrderWindow(Options{}) {}
  explicit OrderWindow(Options options) : options_(options) {}

  struct Order {
    BlockId block;
    std::uint64_t generation = 0;
    bool again = false;  // It was sent before, and may still be under way as well.

    friend bool operator==(const Order&, const Order&) = default;
  };

  // The replica of that generation or an older one is to go. One that is known already is not
  // ordered twice.
  void add(BlockId block, std::uint64_t generation);
  // The node says that its replica of that generation is gone.
  void confirmed(BlockId block, std::uint64_t generation, TimePoint now);
  // The node's process or its connection is another one: what was under way may never arrive.
  void restart();
  // What to send now, in order of id; it is under way from now on. What is not `due` any more is
  // forgotten: the replica is gone, or wanted again.
  std::vector<Order> take(TimePoint now, const std::function<bool(BlockId)>& due);

  std::size_t pending() const { return pending_.size(); }
  std::size_t unconfirmed() const { return sent_.size(); }

 private:
  struct Pending {
    std::uint64_t generation = 0;
    bool again = false;
  };
  struct Sent {
    std::uint64_t generation = 0;
    TimePoint at{};
  };
  void put_back(BlockId block, const Sent& sent);
  void repeat_passed_over();

  Options options_;
  absl::btree_map<BlockId, Pending> pending_;
  absl::btree_map<BlockId, Sent> sent_;
  TimePoint moved_{};    // When orders were last sent to an idle node, repeated, or confirmed.
  TimePoint reached_{};  // When the newest one that was confirmed had been sent.
  TimePoint looked_{};   // Then for those that were passed over.
};

}  // namespace minidfs::metadata
