#include "actors/replica_changes.hpp"

#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

// So many bad replicas are remembered; only whether a copy of one is kept depends on it.
constexpr std::size_t kBadMax = 100'000;

}  // namespace

void ReplicaChanges::replica_stored(const storage::ReplicaInfo& replica) {
  const std::lock_guard lock(mutex_);
  changes_.stored({replica.block, replica.generation, replica.length});
  bad_.erase(replica.block);
}

void ReplicaChanges::replica_corrupt(BlockId block, std::uint64_t generation, std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    changes_.found_corrupt({block, generation, 0});
    const bool known = bad_.contains(block) && bad_[block] == generation;
    if (!known) {
      log_error("datanode", "replica of block {} (generation {}) is bad: {}", block.value,
                generation, reason);
    }
    if (known || bad_.size() < kBadMax) bad_[block] = generation;
  }
  if (bad_found_) bad_found_();
}

void ReplicaChanges::replica_removed(BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  changes_.removed({block, generation, 0});
  bad_.erase(block);
}

void ReplicaChanges::replicas_unreachable(std::span<const storage::ReplicaInfo> replicas) {
  const std::lock_guard lock(mutex_);
  for (const auto& replica : replicas) {
    changes_.unreachable({replica.block, replica.generation, replica.length});
  }
}

void ReplicaChanges::replicas_back(std::span<const storage::ReplicaInfo> replicas) {
  const std::lock_guard lock(mutex_);
  for (const auto& replica : replicas) {
    const metadata::Block block{replica.block, replica.generation, replica.length};
    changes_.back(block);
    const auto found = bad_.find(replica.block);
    if (found != bad_.end() && found->second == replica.generation) changes_.found_corrupt(block);
  }
}

bool ReplicaChanges::is_bad(BlockId block, std::uint64_t generation) const {
  const std::lock_guard lock(mutex_);
  const auto found = bad_.find(block);
  return found != bad_.end() && found->second <= generation;
}

metadata::IncrementalReport ReplicaChanges::take() {
  const std::lock_guard lock(mutex_);
  return changes_.take(kBlocksPerHeartbeatMax);
}

void ReplicaChanges::put_back(const metadata::IncrementalReport& report) {
  const std::lock_guard lock(mutex_);
  changes_.put_back(report);
}

}  // namespace minidfs::actors
