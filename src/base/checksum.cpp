#include "base/checksum.hpp"

// The dispatching header picks the widest vector unit of the machine at run time.
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

namespace minidfs {

Checksum checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Checksum checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Checksum slice_checksum(BlockId block, std::uint64_t slice, std::span<const std::byte> bytes) {
  // An odd multiplier keeps the seeds of neighbouring blocks apart (docs/formats.md, "Slices").
  const std::uint64_t seed = block.value * 0x9E3779B97F4A7C15ULL + slice;
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace minidfs
