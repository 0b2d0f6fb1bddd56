// A set of block ids kept as ranges that neither touch nor overlap. Its memory and the time of each
// call go with the ranges, never with the ids in them. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.hpp"
#include "metadata/block_range.hpp"

namespace minidfs::metadata {

// One past the last id of the range, or the largest id when that would not fit.
std::uint64_t end_of(const BlockRange& range);

class BlockRangeSet {
 public:
  void add(const BlockRange& range);
  void remove(const BlockRange& range);
  bool contains(BlockId block) const { return overlaps({block, 1}); }
  // Whether any id of the range is there.
  bool overlaps(const BlockRange& range) const;
  // The first ranges, as many as asked for and with so many ids at most; the last one may be cut.
  // They are no longer in the set.
  std::vector<BlockRange> take(std::size_t ranges_max, std::uint64_t ids_max = ~0ULL);
  std::vector<BlockRange> ranges() const;

  bool empty() const { return ranges_.empty(); }
  std::size_t size() const { return ranges_.size(); }  // Ranges.

 private:
  absl::btree_map<std::uint64_t, std::uint64_t> ranges_;  // First id to one past the last.
};

}  // namespace minidfs::metadata
