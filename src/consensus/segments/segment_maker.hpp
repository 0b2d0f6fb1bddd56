// Fills the next segment's file ahead of time, in the background: whoever appends has others
// waiting for it. Owned by one log.
#pragma once

#include <cstdint>
#include <optional>

#include "consensus/segments/background_job.hpp"
#include "consensus/segments/segment.hpp"

namespace minidfs::consensus {

class SegmentMaker {
 public:
  SegmentMaker() = default;
  ~SegmentMaker();  // Ends what is under way, and removes a file that nobody has taken.
  SegmentMaker(const SegmentMaker&) = delete;
  SegmentMaker& operator=(const SegmentMaker&) = delete;

  // All by the owner. Whether one was wanted and not taken yet.
  bool is_wanted() const { return making_.is_begun(); }
  // REQUIRES: !is_wanted().
  void want(SegmentName name, std::uint64_t size_bytes);
  // The file that is wanted, as soon as it is ready; none when none is, or it could not be made:
  // who then makes one finds out why.
  std::optional<BlankSegment> take();

 private:
  BackgroundJob<std::optional<BlankSegment>> making_{"segments"};
};

}  // namespace minidfs::consensus
