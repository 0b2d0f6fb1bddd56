// The time of day, as files and operators use it. Intervals are measured by a steady clock instead.
#pragma once

#include <chrono>
#include <cstdint>

namespace minidfs {

// Milliseconds since 1970 (UTC).
inline std::int64_t wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace minidfs
