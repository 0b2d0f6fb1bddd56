// The part of the block store that follows the health of its disks: what hangs is left out of new
// writes and not read, what has hung for long counts as unavailable, and all of it may come back.
#include "base/logging.hpp"
#include "base/wall_clock.hpp"
#include "storage/blocks/disk_block_store.hpp"

namespace minidfs::storage {

void DiskBlockStore::tick() {
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    threads_[i]->tick();
    if (threads_[i]->condition() == DiskCondition::kHangs && disks_[i]) {
      disks_[i]->committer->give_up(threads_[i]->hangs_error());
    }
  }
}

void DiskBlockStore::health_changed(std::size_t number, const DiskHealth::Effects& effects) {
  if (!started_) return;
  const std::lock_guard lock(health_mutex_);
  const std::string& path = directories_[number].path;
  bool& unavailable = health_[number].unavailable;
  if (effects.hangs) {
    health_[number].since_ms = wall_clock_ms();
    ledger_.suspend(number, true);
    catalog_.set_access(number, ReplicaCatalog::Access::kSuspended);
    notices_.add("data directory " + path + " hangs: no progress for " +
                 std::to_string(options_.disk_timeout.count()) +
                 " ms; nothing new is written there until it is back");
  }
  if (effects.unavailable) {
    unavailable = true;
    catalog_.set_access(number, ReplicaCatalog::Access::kHidden);
    const auto replicas = catalog_.replicas_of(number);
    notices_.add("data directory " + path + " still hangs: its " + std::to_string(replicas.size()) +
                 " replicas are unavailable");
    if (options_.replicas_unavailable) options_.replicas_unavailable(replicas);
  }
  if (effects.back) {
    health_[number].since_ms = wall_clock_ms();
    ledger_.suspend(number, false);
    catalog_.set_access(number, ReplicaCatalog::Access::kOpen);
    notices_.add("data directory " + path + " is back");
    if (std::exchange(unavailable, false) && options_.replicas_back) {
      options_.replicas_back(catalog_.replicas_of(number));
    }
  }
}

std::vector<DiskReport> DiskBlockStore::disks() const {
  std::vector<DiskReport> out;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    const DiskCondition condition =
        monitor_.failed(i) ? DiskCondition::kFailed : threads_[i]->condition();
    out.push_back({directories_[i].path, condition, health_[i].since_ms});
  }
  return out;
}

}  // namespace minidfs::storage
