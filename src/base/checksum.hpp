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

// Of the stored bytes of slice number `slice` of `block`. The seed ties the sum to its place: bytes
// that are right but belong to another block or slice do not pass.
Checksum slice_checksum(BlockId block, std::uint64_t slice, std::span<const std::byte> bytes);

}  // namespace minidfs
