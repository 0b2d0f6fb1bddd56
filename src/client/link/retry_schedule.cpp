#include "client/link/retry_schedule.hpp"

#include <algorithm>

namespace minidfs::client {

std::chrono::milliseconds Backoff::next(std::uint64_t random) {
  const auto full = static_cast<std::uint64_t>(delay_.count());
  delay_ = std::min(delay_ * 2, kLongest);
  return std::chrono::milliseconds(full - random % (full / 2 + 1));
}

RetryClass retry_class(Errc code) {
  switch (code) {
    case Errc::kBusy:
    case Errc::kTimedOut:
    case Errc::kUnavailable:
    case Errc::kSafeMode:
    case Errc::kNoDatanode:
      return RetryClass::kSamePlace;
    case Errc::kNotLeader:
      return RetryClass::kElsewhere;
    default:
      return RetryClass::kNever;
  }
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

}  // namespace minidfs::client
