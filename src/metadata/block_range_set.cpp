#include "metadata/block_range_set.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace minidfs::metadata {

std::uint64_t end_of(const BlockRange& range) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - range.first.value;
  return range.first.value + std::min(range.count, most);
}

void BlockRangeSet::add(const BlockRange& range) {
  std::uint64_t first = range.first.value;
  std::uint64_t end = end_of(range);
  if (first == end) return;
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first) --at;
  while (at != ranges_.end() && at->first <= end) {
    first = std::min(first, at->first);
    end = std::max(end, at->second);
    at = ranges_.erase(at);
  }
  ranges_.emplace(first, end);
}

void BlockRangeSet::remove(const BlockRange& range) {
  const std::uint64_t first = range.first.value;
  const std::uint64_t end = end_of(range);
  if (first == end) return;
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second > first) --at;
  while (at != ranges_.end() && at->first < end) {
    const auto [old_first, old_end] = *at;
    at = ranges_.erase(at);
    if (old_first < first) ranges_.emplace(old_first, first);
    if (old_end > end) ranges_.emplace(end, old_end);
    at = ranges_.lower_bound(first);
  }
}

bool BlockRangeSet::overlaps(const BlockRange& range) const {
  const auto after = ranges_.lower_bound(end_of(range));
  return after != ranges_.begin() && std::prev(after)->second > range.first.value;
}

std::vector<BlockRange> BlockRangeSet::take(std::size_t ranges_max, std::uint64_t ids_max) {
  std::vector<BlockRange> taken;
  while (!ranges_.empty() && taken.size() < ranges_max && ids_max > 0) {
    const auto [first, end] = *ranges_.begin();
    const std::uint64_t count = std::min(end - first, ids_max);
    taken.push_back({BlockId{first}, count});
    ids_max -= count;
    ranges_.erase(ranges_.begin());
    if (count < end - first) ranges_.emplace(first + count, end);
  }
  return taken;
}

std::vector<BlockRange> BlockRangeSet::ranges() const {
  std::vector<BlockRange> all;
  all.reserve(ranges_.size());
  for (const auto& [first, end] : ranges_) all.push_back({BlockId{first}, end - first});
  return all;
}

}  // namespace minidfs::metadata
