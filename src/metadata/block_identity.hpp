// How block ids are made, so that none repeats whatever a restored namenode remembers: a mark of 32
// random bits, chosen anew by each leadership and never used twice, above a count of 31 bits.
// Ids from before marks came from one counter; they are those of mark 0, and of the marks that a
// counter above 2^31 - 1 reaches.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace minidfs::metadata {

using BlockMark = std::uint32_t;  // 0 is never chosen: it holds the ids of the old counter.

inline constexpr int kBlockCountBits = 31;
// Counts of a mark are 1 to this.
inline constexpr std::uint64_t kBlockCountMax = (std::uint64_t{1} << kBlockCountBits) - 1;
// The largest id that can be made; also below the limit of signed database integers.
inline constexpr BlockId kBlockIdMax{(std::uint64_t{1} << 63) - 1};

// REQUIRES: block <= kBlockIdMax.
constexpr BlockMark mark_of(BlockId block) {
  return static_cast<BlockMark>(block.value >> kBlockCountBits);
}

constexpr std::uint64_t count_of(BlockId block) { return block.value & kBlockCountMax; }

// The first id of a mark; the last one is first + kBlockCountMax - 1.
constexpr BlockId first_of(BlockMark mark) {
  return BlockId{(std::uint64_t{mark} << kBlockCountBits) | 1U};
}

static_assert(mark_of(kBlockIdMax) == UINT32_MAX && count_of(kBlockIdMax) == kBlockCountMax);
static_assert(mark_of(first_of(7)) == 7 && count_of(first_of(7)) == 1);

}  // namespace minidfs::metadata
