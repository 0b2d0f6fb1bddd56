#include "storage/blocks/disk_health.hpp"

#include <algorithm>

namespace minidfs::storage {

DiskHealth::Effects DiskHealth::step(Event event, DiskWork work, Time now) {
  Kind& kind = kinds_[static_cast<std::size_t>(work)];
  switch (event) {
    case Event::kBegan:
      if (kind.running++ == 0) kind.progress = now;
      return {};
    case Event::kProgress:
      kind.progress = now;
      return {};
    case Event::kEnded: {
      --kind.running;
      kind.progress = now;
      const bool idle = std::all_of(kinds_.begin(), kinds_.end(),
                                    [](const Kind& each) { return each.running == 0; });
      if (condition_ != DiskCondition::kHangs || !idle) return {};
      condition_ = DiskCondition::kWorks;
      unavailable_ = false;
      return {.back = true};
    }
    case Event::kFailed:
      condition_ = DiskCondition::kFailed;
      return {};
    case Event::kTick:
      return tick(now);
  }
  return {};
}

DiskHealth::Effects DiskHealth::tick(Time now) {
  if (last_tick_ != Time() && now - last_tick_ > timeout_ / 2) {
    for (Kind& kind : kinds_) kind.progress = std::max(kind.progress, now);
  }
  last_tick_ = now;
  const Duration stalled = stalled_for(now);
  Effects effects;
  if (condition_ == DiskCondition::kWorks && stalled >= timeout_) {
    condition_ = DiskCondition::kHangs;
    effects.hangs = true;
  }
  if (condition_ == DiskCondition::kHangs && !unavailable_ && stalled >= 2 * timeout_) {
    unavailable_ = true;
    effects.unavailable = true;
  }
  return effects;
}

DiskHealth::Duration DiskHealth::stalled_for(Time now) const {
  Duration longest{0};
  for (const Kind& kind : kinds_) {
    if (kind.running > 0) longest = std::max(longest, now - kind.progress);
  }
  return longest;
}

}  // namespace minidfs::storage
