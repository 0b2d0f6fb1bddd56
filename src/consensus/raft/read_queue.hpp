// Reads that wait until it is certain that this member was leader after they were asked (6.4). One
// round of messages is under way for some, while the next ones collect.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "consensus/types.hpp"

namespace minidfs::consensus {

class ReadQueue {
 public:
  struct Confirmed {
    std::vector<std::uint64_t> reads;
    Index index = 0;  // What a state must hold to answer them.
  };

  bool empty() const { return waiting_.empty() && asked_.reads.empty(); }
  void add(std::uint64_t read) { waiting_.push_back(read); }
  // Whether reads wait for a round, and none is under way.
  bool wants_round() const { return !waiting_.empty() && asked_.reads.empty(); }
  // All that wait are asked with this round, which is sent after this. REQUIRES: wants_round().
  void begin(std::uint64_t round, Index index) {
    asked_ = {std::exchange(waiting_, {}), index};
    round_ = round;
  }
  // A majority has answered `round`.
  std::optional<Confirmed> confirm(std::uint64_t round) {
    if (asked_.reads.empty() || round < round_) return std::nullopt;
    return std::exchange(asked_, {});
  }
  // Leadership has ended: all that there are, in the order in which they were asked.
  std::vector<std::uint64_t> take_all() {
    auto all = std::exchange(asked_, {}).reads;
    all.insert(all.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
    return all;
  }

 private:
  std::vector<std::uint64_t> waiting_;
  Confirmed asked_;
  std::uint64_t round_ = 0;
};

}  // namespace minidfs::consensus
