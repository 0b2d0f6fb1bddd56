// How well the disk of a member's log does, and to whom a leader with a bad one hands over. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "consensus/types.hpp"

namespace minidfs::consensus {

// What a sync takes: a mean in which each one weighs three quarters of the next one.
class SyncLatency {
 public:
  void add(std::chrono::microseconds sync);
  std::uint32_t micros() const { return micros_; }
  // With one that has taken so long, and has not ended.
  std::uint32_t micros_with(std::chrono::microseconds under_way) const;

 private:
  std::uint32_t micros_ = 0;
  bool known_ = false;
};

// A leader's disk is slow from here on: others would be asked as quickly.
inline constexpr std::uint32_t kSlowSyncMicros = 100'000;
// Only a disk that is so much quicker is worth that leadership moves.
inline constexpr std::uint32_t kQuickerTimes = 3;

struct VoterDisk {
  MemberId member = 0;
  DiskCondition disk;
};
// Who of the other voters should lead rather than one with this disk: the quickest that has room,
// and, when this one is only slow, that is quicker by kQuickerTimes. None when this one does well,
// or the others no better.
std::optional<MemberId> better_disk(const DiskCondition& own, const std::vector<VoterDisk>& others);

}  // namespace minidfs::consensus
