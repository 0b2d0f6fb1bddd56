#include "actors/replica_changes.hpp"

#include <utility>

#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

void prepend(std::vector<metadata::Block>& list, std::vector<metadata::Block> older) {
  older.insert(older.end(), list.begin(), list.end());
  list = std::move(older);
}

}  // namespace

void ReplicaChanges::replica_stored(const storage::ReplicaInfo& replica) {
  const std::lock_guard lock(mutex_);
  report_.added.push_back({replica.block, replica.generation, replica.length});
}

void ReplicaChanges::replica_corrupt(BlockId block, std::uint64_t generation, std::string reason) {
  log_error("datanode", "replica of block {} (generation {}) is bad: {}", block.value, generation,
            reason);
  const std::lock_guard lock(mutex_);
  report_.corrupt.push_back({block, generation, 0});
}

void ReplicaChanges::replica_removed(BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  // "A block that was removed and stored again stands in added only", and the reverse holds too.
  std::erase_if(report_.added, [&](const metadata::Block& added) {
    return added.id == block && added.generation <= generation;
  });
  report_.removed.push_back({block, generation, 0});
}

metadata::IncrementalReport ReplicaChanges::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(report_, {});
}

void ReplicaChanges::put_back(metadata::IncrementalReport report) {
  const std::lock_guard lock(mutex_);
  prepend(report_.added, std::move(report.added));
  prepend(report_.removed, std::move(report.removed));
  prepend(report_.corrupt, std::move(report.corrupt));
}

}  // namespace minidfs::actors
