// The disk of a simulated datanode: replicas, whose bytes they really are, and whether they would
// survive the loss of power. It may be slow, hang, or lie about what it has synced. How it does is
// judged by the real storage/blocks/disk_health.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "sim/whole/process.hpp"
#include "storage/blocks/disk_health.hpp"

namespace minidfs::sim {

// Stands for the bytes of one block as one writer sent them; never given twice.
using Content = std::uint64_t;

// So long without progress, and who waits for the disk is answered.
inline constexpr milliseconds kDiskTimeout{2500};

struct StoredReplica {
  metadata::Block block;
  Content content = 0;
  bool synced = false;  // Truly.
};

class SimDisk {
 public:
  enum class Hangs : std::uint8_t { kNot, kSyncs, kAll };
  using HealthChanged = std::function<void(const storage::DiskHealth::Effects&)>;

  // `process` is the one whose calls these are.
  SimDisk(World& world, Process& process, HealthChanged changed)
      : world_(world), process_(process), changed_(std::move(changed)) {}

  using Done = std::function<void(const Status&)>;
  // Calls back when a call of this kind has returned: not while it hangs.
  void work(storage::DiskWork kind, Done done);
  // A write that only takes a file away.
  void unlink(Done done);
  // As the process judges.
  milliseconds stalled_for() const;
  storage::DiskCondition condition() const { return health_->condition(); }
  bool unavailable() const { return health_->unavailable(); }
  void tick();
  // The process is gone, and its calls with it.
  void forget_process();

  // --- What is on it ---
  std::map<BlockId, StoredReplica> replicas;

  // --- Faults ---
  bool slow = false;
  bool slow_unlinks = false;  // As of large files.
  bool lies = false;          // Says that it has synced and has not.
  bool fails = false;         // Every call.
  void hang(Hangs hangs);
  // The truth, for checkers: since when it has hung.
  std::optional<TimePoint> hangs_since() const { return hangs_since_; }

 private:
  struct Call {
    storage::DiskWork kind;
    Done done;
  };
  void begin(Call call, bool slowly);
  bool hangs(storage::DiskWork kind) const;
  void returned(const Call& call);

  World& world_;
  Process& process_;
  HealthChanged changed_;
  std::optional<storage::DiskHealth> health_{kDiskTimeout};  // As this process has seen it.
  Hangs hangs_ = Hangs::kNot;
  std::optional<TimePoint> hangs_since_;
  std::deque<Call> hanging_;
};

}  // namespace minidfs::sim
