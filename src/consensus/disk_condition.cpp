#include "consensus/disk_condition.hpp"

#include <algorithm>

namespace minidfs::consensus {

void SyncLatency::add(std::chrono::microseconds sync) {
  constexpr std::chrono::microseconds kMost{std::chrono::minutes(10)};
  const auto micros = static_cast<std::int64_t>(std::min(sync, kMost).count());
  const auto before = known_ ? std::int64_t{micros_} : micros;
  micros_ = static_cast<std::uint32_t>(before + (micros - before) / 4);
  known_ = true;
}

std::uint32_t SyncLatency::micros_with(std::chrono::microseconds under_way) const {
  auto ended_now = *this;
  ended_now.add(under_way);
  return std::max(micros_, ended_now.micros_);
}

std::optional<MemberId> better_disk(const DiskCondition& own,
                                    const std::vector<VoterDisk>& others) {
  if (!own.full && own.sync_us < kSlowSyncMicros) return std::nullopt;
  const VoterDisk* best = nullptr;
  for (const auto& other : others) {
    if (other.disk.full) continue;
    if (best == nullptr || other.disk.sync_us < best->disk.sync_us) best = &other;
  }
  if (best == nullptr) return std::nullopt;
  const bool quicker = best->disk.sync_us <= own.sync_us / kQuickerTimes;
  if (!own.full && !quicker) return std::nullopt;
  return best->member;
}

}  // namespace minidfs::consensus
