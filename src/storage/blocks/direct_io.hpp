// What reads and writes past the page cache have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/result.hpp"

namespace minidfs::storage {

// What memory, offset and size must be multiples of, on every device.
inline constexpr std::uint64_t kDirectAlignmentBytes = 4096;

struct FreeAligned {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeAligned>;

// REQUIRES: size is a multiple of kDirectAlignmentBytes.
inline AlignedBytes make_aligned(std::size_t size) {
  AlignedBytes bytes(static_cast<std::byte*>(std::aligned_alloc(kDirectAlignmentBytes, size)));
  MDFS_ASSERT(bytes != nullptr);
  return bytes;
}

constexpr std::uint64_t align_up(std::uint64_t bytes) {
  return (bytes + kDirectAlignmentBytes - 1) / kDirectAlignmentBytes * kDirectAlignmentBytes;
}

}  // namespace minidfs::storage
