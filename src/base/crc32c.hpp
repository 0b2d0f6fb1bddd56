// CRC-32C (Castagnoli; RFC 3720, appendix B.4), which Hadoop checks its blocks with. minidfs's own
// checksums are others: see checksum.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace minidfs {

std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace minidfs
