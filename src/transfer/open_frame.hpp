// A WriteSlices frame of a block that is being received, whose head was taken, and the check of
// what comes of it.
#pragma once

#include "transfer/wire.hpp"

namespace minidfs::transfer {

struct OpenFrame {
  SliceArray array;
  std::size_t next = 0;   // The first slice that was not taken.
  std::size_t bytes = 0;  // Of the slices that were not taken.

  bool last_is_short() const {
    return array.slices[array.count - 1].raw_bytes < storage::kSliceBytes;
  }
};

// Whether slices, of which the first has this number in its block, are what their checksums say.
// kCorrupt, with the name of the first that is not.
inline Status verify_slices(BlockId block, std::uint64_t generation, std::uint64_t number,
                            std::span<const storage::Slice> slices,
                            std::span<const std::byte> stored) {
  for (const auto& slice : slices) {
    if (slice_checksum({block, generation, number}, stored.first(slice.stored_bytes)) !=
        slice.checksum) {
      return Error{Errc::kCorrupt, "slice " + std::to_string(number) + " of block " +
                                       to_string(block) + " arrived with a wrong checksum"};
    }
    stored = stored.subspan(slice.stored_bytes);
    ++number;
  }
  return {};
}

}  // namespace minidfs::transfer
