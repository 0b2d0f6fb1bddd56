#include "actors/replica_changes.hpp"

#include <utility>

#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

// So many bad replicas are remembered. Of the others no copy is kept, and when they turn out to be
// whole nobody is told.
constexpr std::size_t kBadMax = 100'000;

}  // namespace

void ReplicaChanges::listen(Listener listener) {
  const std::lock_guard lock(mutex_);
  untold_.try_emplace(listener);
}

void ReplicaChanges::forget(Listener listener) {
  const std::lock_guard lock(mutex_);
  untold_.erase(listener);
}

template <class Tell>
void ReplicaChanges::tell_all(const Tell& tell) {
  for (auto& [listener, untold] : untold_) {
    if (untold.overflowed) continue;
    tell(untold.changes);
    if (untold.changes.size() <= kUntoldMax) continue;
    untold.changes.clear();
    untold.overflowed = true;
  }
}

bool ReplicaChanges::take_overflow(Listener listener) {
  const std::lock_guard lock(mutex_);
  const auto found = untold_.find(listener);
  return found != untold_.end() && std::exchange(found->second.overflowed, false);
}

void ReplicaChanges::replica_stored(const storage::ReplicaInfo& replica) {
  const std::lock_guard lock(mutex_);
  removals_.came(replica.block);
  tell_what_is_there({replica.block, replica.generation, replica.length}, true);
  bad_.erase(replica.block);
}

// Under the lock, and so in the order in which it was looked. The store does not call back
// meanwhile.
void ReplicaChanges::tell_what_is_there(const metadata::Block& replica, bool stored) {
  bool is_there = stored;
  metadata::Block block = replica;
  if (store_ != nullptr) {
    const auto found = store_->find(replica.id);
    is_there = found.has_value();
    if (is_there) block = {found->block, found->generation, found->length};
  }
  tell_all([&](metadata::ChangeCollector& changes) {
    is_there ? changes.stored(block) : changes.removed(block);
  });
}

void ReplicaChanges::replica_corrupt(BlockId block, std::uint64_t generation, std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    tell_all([&](metadata::ChangeCollector& changes) {
      changes.found_corrupt({block, generation, 0});
    });
    const auto known = bad_.find(block);
    if (known == bad_.end() || known->second.generation != generation) {
      log_error("datanode", "replica of block {} (generation {}) is bad: {}", block.value,
                generation, reason);
    }
    note_bad(block, generation);
  }
  if (bad_found_) bad_found_();
}

// Under the lock.
void ReplicaChanges::note_bad(BlockId block, std::uint64_t generation) {
  auto known = bad_.find(block);
  if (known == bad_.end()) {
    if (bad_.size() >= kBadMax) return;
    known = bad_.try_emplace(block).first;
    if (unchecked_.size() < kBadMax) unchecked_.push_back(block);
  }
  known->second = {generation, ++findings_};
}

void ReplicaChanges::doubt(std::span<const metadata::Block> replicas) {
  const std::lock_guard lock(mutex_);
  for (const auto& replica : replicas) {
    if (!bad_.contains(replica.id)) note_bad(replica.id, replica.generation);
  }
}

// Under the lock. What was found of this replica; null for nothing.
const ReplicaChanges::Bad* ReplicaChanges::standing(const storage::ReplicaInfo& replica) const {
  const auto found = bad_.find(replica.block);
  const bool stands = found != bad_.end() && found->second.generation == replica.generation;
  return stands ? &found->second : nullptr;
}

void ReplicaChanges::tell_bad_again(storage::BlockStore& store, Listener listener) {
  std::vector<BlockId> known;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [block, bad] : bad_) known.push_back(block);
  }
  // Of each by itself, so that others need not wait for all.
  for (const BlockId block : known) {
    const auto there = store.find(block);
    if (!there) continue;
    const std::lock_guard lock(mutex_);
    const auto untold = untold_.find(listener);
    if (untold == untold_.end() || !standing(*there)) continue;
    untold->second.changes.found_corrupt({block, there->generation, there->length});
  }
}

std::uint64_t ReplicaChanges::finding(const storage::ReplicaInfo& replica) const {
  const std::lock_guard lock(mutex_);
  const Bad* bad = standing(replica);
  return bad != nullptr ? bad->finding : 0;
}

void ReplicaChanges::replica_whole(const storage::ReplicaInfo& replica, std::uint64_t finding) {
  const std::lock_guard lock(mutex_);
  const auto found = bad_.find(replica.block);
  if (found == bad_.end() || found->second.finding != finding) return;
  bad_.erase(found);
  removals_.came(replica.block);
  tell_all([&](metadata::ChangeCollector& changes) {
    changes.stored({replica.block, replica.generation, replica.length});
  });
  log_info("datanode", "replica of block {} (generation {}) was called bad and is whole",
           replica.block.value, replica.generation);
}

std::vector<BlockId> ReplicaChanges::take_unchecked() {
  const std::lock_guard lock(mutex_);
  return std::exchange(unchecked_, {});
}

void ReplicaChanges::replica_removed(BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  tell_what_is_there({block, generation, 0}, false);
  bad_.erase(block);
}

void ReplicaChanges::replicas_unreachable(std::span<const storage::ReplicaInfo> replicas) {
  const std::lock_guard lock(mutex_);
  for (const auto& replica : replicas) {
    tell_all([&](metadata::ChangeCollector& changes) {
      changes.unreachable({replica.block, replica.generation, replica.length});
    });
  }
}

void ReplicaChanges::replicas_back(std::span<const storage::ReplicaInfo> replicas) {
  const std::lock_guard lock(mutex_);
  for (const auto& replica : replicas) {
    const metadata::Block block{replica.block, replica.generation, replica.length};
    removals_.came(replica.block);
    const bool bad = standing(replica) != nullptr;
    tell_all([&](metadata::ChangeCollector& changes) {
      changes.back(block);
      if (bad) changes.found_corrupt(block);
    });
  }
}

bool ReplicaChanges::is_bad(BlockId block, std::uint64_t generation) const {
  const std::lock_guard lock(mutex_);
  const auto found = bad_.find(block);
  return found != bad_.end() && found->second.generation <= generation;
}

metadata::IncrementalReport ReplicaChanges::take(Listener listener) {
  const std::lock_guard lock(mutex_);
  const auto found = untold_.find(listener);
  if (found == untold_.end()) return {};
  return found->second.changes.take(kBlocksPerHeartbeatMax);
}

void ReplicaChanges::put_back(Listener listener, const metadata::IncrementalReport& report) {
  const std::lock_guard lock(mutex_);
  const auto found = untold_.find(listener);
  if (found != untold_.end()) found->second.changes.put_back(report);
}

std::vector<BlockId> ReplicaChanges::accept(Listener listener, std::span<const RemoveOrder> orders,
                                            const metadata::IncrementalReport& told_later) {
  using Taken = metadata::QueuedRemovals::Taken;
  std::vector<BlockId> accepted;
  const std::lock_guard lock(mutex_);
  const auto found = untold_.find(listener);
  if (found == untold_.end() || found->second.overflowed) return accepted;
  const metadata::Untold untold{found->second.changes, told_later};
  for (const auto& order : orders) {
    if (removals_.order(order.block, order.generation, untold) == Taken::kQueued) {
      accepted.push_back(order.block);
    }
  }
  return accepted;
}

std::optional<RemoveOrder> ReplicaChanges::take_removal(BlockId block, std::uint64_t fence) {
  const std::lock_guard lock(mutex_);
  const auto generation = removals_.take(block, fence);
  if (!generation.has_value()) return std::nullopt;
  return RemoveOrder{block, *generation};
}

void ReplicaChanges::fence_removals(std::uint64_t fence) {
  const std::lock_guard lock(mutex_);
  removals_.fence(fence);
}

std::size_t ReplicaChanges::removals_queued() const {
  const std::lock_guard lock(mutex_);
  return removals_.size();
}

}  // namespace minidfs::actors
