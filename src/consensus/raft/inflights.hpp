// What is on its way to a follower and not yet answered, bounded in bytes.
#pragma once

#include <cstdint>
#include <deque>

#include "consensus/types.hpp"

namespace minidfs::consensus {

class Inflights {
 public:
  // Entries up to `last`, ascending; `bytes` of them.
  void add(Index last, std::uint64_t bytes) {
    sent_.push_back({last, bytes});
    bytes_ += bytes;
  }
  // Entries up to `index` have arrived.
  void free_up_to(Index index) {
    while (!sent_.empty() && sent_.front().last <= index) {
      bytes_ -= sent_.front().bytes;
      sent_.pop_front();
    }
  }
  void clear() {
    sent_.clear();
    bytes_ = 0;
  }
  std::uint64_t bytes() const { return bytes_; }
  bool empty() const { return sent_.empty(); }
  // Whether `more` fit; anything fits when nothing is on its way.
  bool fits(std::uint64_t more, std::uint64_t bytes_max) const {
    return sent_.empty() || (bytes_ < bytes_max && more <= bytes_max - bytes_);
  }

 private:
  struct Sent {
    Index last = 0;
    std::uint64_t bytes = 0;
  };
  std::deque<Sent> sent_;
  std::uint64_t bytes_ = 0;
};

}  // namespace minidfs::consensus
