// Fills the next segment's file ahead of time, on a thread of its own: that takes as long as the
// disk likes, and whoever appends has others waiting for it. Owned by one log.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "consensus/segments/segment.hpp"

namespace minidfs::consensus {

class SegmentMaker {
 public:
  SegmentMaker();
  ~SegmentMaker();  // Ends what is under way, and removes a file that nobody has taken.
  SegmentMaker(const SegmentMaker&) = delete;
  SegmentMaker& operator=(const SegmentMaker&) = delete;

  // All by the owner. Whether one was wanted and not taken yet.
  bool is_wanted() const { return wanted_; }
  // REQUIRES: !is_wanted().
  void want(SegmentName name, std::uint64_t size_bytes);
  // The file that is wanted, as soon as it is ready; none when none is, or it could not be made:
  // who then makes one finds out why.
  std::optional<BlankSegment> take();

 private:
  struct Order {
    SegmentName name;
    std::uint64_t size_bytes = 0;
  };

  void run();

  bool wanted_ = false;  // The owner's.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Order> order_;  // Under way, or about to be.
  std::optional<BlankSegment> ready_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace minidfs::consensus
