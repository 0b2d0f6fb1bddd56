// The time of a process that may be stopped for a while (SIGSTOP, a machine that swaps, a long
// pause of its scheduler). What others sent meanwhile lies in its sockets and is not read yet, so
// nobody may be judged by that time. Every deadline that is counted in own time is extended by
// itself. Pure; one for each actor that judges.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "metadata/block_types.hpp"

namespace minidfs::metadata {

class OwnTime {
 public:
  // Between two readings no more than `step_max` passes: more means that this process stood still.
  // REQUIRES: a timer reads it more often than that.
  explicit OwnTime(std::chrono::milliseconds step_max) : step_max_(step_max) {}

  // `clock` is the steady clock now; an earlier time than the last one counts as the last one.
  TimePoint read(TimePoint clock) {
    const TimePoint last = last_.value_or(clock);
    const TimePoint now = std::max(clock, last);
    if (now - last > step_max_) {
      stood_still_ = {last, now};
      lost_ += now - last - step_max_;
    }
    last_ = now;
    return now - lost_;
  }

  // The last time that this process stood still, by the clock; both are the same when it never did.
  struct Standstill {
    TimePoint from{};
    TimePoint until{};
  };
  const Standstill& stood_still() const { return stood_still_; }

 private:
  std::chrono::milliseconds step_max_;
  std::optional<TimePoint> last_;
  TimePoint::duration lost_{};
  Standstill stood_still_;
};

// A request that waits to be served, in terms of the clock.
struct RequestTimes {
  TimePoint until = TimePoint::max();  // The asker waits no longer.
  TimePoint arrived{};                 // In this process.
  std::chrono::milliseconds left{};    // What the asker gave it when it was sent.
};

enum class RequestVerdict : std::uint8_t {
  kServe,
  kOver,      // Nobody waits for the answer any more.
  kAskAgain,  // It lay in a socket while this process stood still, perhaps for all its time.
};

// For so long after a standstill what arrives may have been sent during it.
inline constexpr std::chrono::milliseconds kOldArrivals{250};

inline RequestVerdict judge_request(const RequestTimes& request, const OwnTime& time,
                                    TimePoint clock) {
  if (clock >= request.until) return RequestVerdict::kOver;
  const auto& still = time.stood_still();
  const bool old = request.arrived > still.from && request.arrived <= still.until + kOldArrivals;
  return old && request.left <= still.until - still.from ? RequestVerdict::kAskAgain
                                                         : RequestVerdict::kServe;
}

}  // namespace minidfs::metadata
