// What a connection of the data server waits for from its peer, since when, and whether that has
// lasted too long. A value: no clock and no socket in it.
#pragma once

#include <chrono>
#include <cstdint>

namespace minidfs::transfer {

class PeerWait {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class For : std::uint8_t { kNothing, kHello, kFrame, kIdle, kOutput, kMemory };

  // With a `limit` of 0 for as long as the peer is there.
  void begin(For what, TimePoint now, std::chrono::milliseconds limit) {
    what_ = what;
    since_ = now;
    limit_ = limit;
  }
  // The peer has done a part of it; or this process stood still, and the peer is not to blame.
  void progressed(TimePoint now) { since_ = now; }

  For what() const { return what_; }
  TimePoint since() const { return since_; }
  bool too_long(TimePoint now) const { return limit_.count() > 0 && now - since_ > limit_; }

 private:
  For what_ = For::kNothing;
  TimePoint since_{};
  std::chrono::milliseconds limit_{0};
};

}  // namespace minidfs::transfer
