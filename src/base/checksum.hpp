// The checksums of minidfs: XXH3-64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.hpp"

namespace minidfs {

using Checksum = std::uint64_t;

// Of bytes that are known by their place, such as a frame or a file's header.
Checksum checksum(std::span<const std::byte> bytes);
Checksum checksum(std::string_view bytes);

// Where a slice belongs.
struct SlicePlace {
  BlockId block;
  std::uint64_t generation = 1;  // Of the block.
  std::uint64_t slice = 0;       // Its number in the block.
};

// Of the stored bytes of a slice. The seed ties the sum to its place: bytes that are right but
// belong to another block, another generation of it or another slice do not pass.
Checksum slice_checksum(const SlicePlace& place, std::span<const std::byte> bytes);

}  // namespace minidfs
