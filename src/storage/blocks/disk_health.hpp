// How one disk does, as a value: told when calls of it begin and end and what time it is, it tells
// when the disk hangs, when it has hung for so long that its replicas count as lost, and when it is
// back. No threads, no clock, no files.
//
//            no progress for `timeout`            no progress for 2 * `timeout`
//   works ------------------------------> hangs -------------------------------> hangs, replicas
//     ^                                     |                                     unavailable
//     +---- all calls have come back -------+----------------------------------------+
//
//   any of them ---- failed() ----> failed, for good
//
// Progress is judged for each kind of work alone: writes that the page cache takes and reads that
// it gives say nothing of syncs.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace minidfs::storage {

enum class DiskWork : std::uint8_t { kRead, kWrite, kSync };
inline constexpr std::size_t kDiskWorkKinds = 3;

enum class DiskCondition : std::uint8_t { kWorks, kHangs, kFailed };

class DiskHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  enum class Event : std::uint8_t { kBegan, kProgress, kEnded, kFailed, kTick };
  struct Effects {
    bool hangs = false;        // From now on: who waits for it is to be answered.
    bool unavailable = false;  // From now on: its replicas are to be copied from elsewhere.
    bool back = false;         // From now on.
  };

  explicit DiskHealth(Duration timeout) : timeout_(timeout) {}

  // `work` counts for kBegan and kEnded, which come in pairs, and for kProgress between them, when
  // what began is many calls. kTick must come several times within
  // the time-out: when it does not, this process stood still, and no disk is blamed for that time.
  Effects step(Event event, DiskWork work, Time now);

  DiskCondition condition() const { return condition_; }
  bool unavailable() const { return unavailable_; }

  // How long it has had work without progress; 0 without work.
  Duration stalled_for(Time now) const;

 private:
  struct Kind {
    std::uint32_t running = 0;
    Time progress;  // When a call of this kind last ended, or the first of those running began.
  };

  Effects tick(Time now);

  const Duration timeout_;
  std::array<Kind, kDiskWorkKinds> kinds_;
  DiskCondition condition_ = DiskCondition::kWorks;
  bool unavailable_ = false;
  Time last_tick_;
};

}  // namespace minidfs::storage
