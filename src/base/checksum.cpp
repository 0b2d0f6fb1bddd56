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

Checksum slice_checksum(const SlicePlace& place, std::span<const std::byte> bytes) {
  // Odd multipliers keep the seeds of neighbours apart (docs/formats.md, "Slices").
  const std::uint64_t seed = place.block.value * 0x9E3779B97F4A7C15ULL +
                             (place.generation - 1) * 0xC2B2AE3D27D4EB4FULL + place.slice;
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace minidfs
