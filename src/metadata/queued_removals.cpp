#include "metadata/queued_removals.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"

namespace minidfs::metadata {
namespace {

bool contains(const std::vector<Block>& in_order, BlockId block) {
  const auto at = std::lower_bound(in_order.begin(), in_order.end(), block,
                                   [](const Block& each, BlockId id) { return each.id < id; });
  return at != in_order.end() && at->id == block;
}

}  // namespace

bool Untold::brings(BlockId block) const {
  return collected.brings(block) || contains(told_later.added, block) ||
         contains(told_later.back, block);
}

QueuedRemovals::Taken QueuedRemovals::order(BlockId block, std::uint64_t generation,
                                            const Untold& untold) {
  if (untold.brings(block)) return Taken::kNot;
  const auto found = queued_.find(block);
  if (found == queued_.end()) {
    if (queued_.size() >= most_) return Taken::kNot;
    queued_[block] = {generation};
    return Taken::kQueued;
  }
  auto& queued = found->second;
  // A void one was about what has gone: only the new order says what is to go.
  queued.generation = queued.is_void ? generation : std::max(queued.generation, generation);
  queued.is_void = false;
  return Taken::kStands;
}

void QueuedRemovals::came(BlockId block) {
  if (const auto found = queued_.find(block); found != queued_.end()) found->second.is_void = true;
}

std::optional<std::uint64_t> QueuedRemovals::take(BlockId block, std::uint64_t fence) {
  if (fence != fence_) return std::nullopt;
  const auto found = queued_.find(block);
  if (found == queued_.end()) return std::nullopt;
  const Queued queued = found->second;
  queued_.erase(found);
  if (queued.is_void) return std::nullopt;
  return queued.generation;
}

void QueuedRemovals::fence(std::uint64_t number) {
  MDFS_ASSERT(number >= fence_);
  fence_ = number;
  queued_.clear();
}

}  // namespace minidfs::metadata
