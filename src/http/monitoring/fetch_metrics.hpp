// Asks another process for its /metrics. Blocking.
#pragma once

#include <chrono>
#include <string>

#include "base/result.hpp"
#include "base/units.hpp"

namespace minidfs::http::monitoring {

// The text, within the given time. Errors name the place: kUnavailable, kTimedOut, and kProtocol
// for what is no such text, or has more than some MiB.
Result<std::string> fetch_metrics(const HostPort& from, std::chrono::milliseconds within);

}  // namespace minidfs::http::monitoring
