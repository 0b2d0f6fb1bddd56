// Reads that need not see the last changes: any namenode answers them from its own state, if that
// is known to be new enough.
#pragma once

#include <chrono>

#include "actors/patience.hpp"
#include "consensus/log.hpp"

namespace minidfs::actors {

inline bool may_be_old(const consensus::Log& log, const Patience& patience) {
  if (patience.stale_ms == 0) return false;
  const auto age = log.staleness();
  return age.has_value() && *age <= std::chrono::milliseconds(patience.stale_ms);
}

}  // namespace minidfs::actors
