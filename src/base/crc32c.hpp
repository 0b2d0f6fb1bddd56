// CRC-32C (Castagnoli; RFC 3720, appendix B.4), which Hadoop checks its blocks with. minidfs's own
// checksums are others: see checksum.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace minidfs {

std::uint32_t crc32c(std::span<const std::byte> bytes);

// Of a run of bytes with the sum `first`, and behind it a run of `second_bytes` with the sum
// `second`.
std::uint32_t crc32c_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

// The same for many second runs of one length, and quicker.
class Crc32cJoiner {
 public:
  explicit Crc32cJoiner(std::uint64_t second_bytes);

  std::uint32_t of_both(std::uint32_t first, std::uint32_t second) const {
    return tables_[0][first & 0xFF] ^ tables_[1][first >> 8 & 0xFF] ^
           tables_[2][first >> 16 & 0xFF] ^ tables_[3][first >> 24] ^ second;
  }

 private:
  // What each value of each byte of a first sum becomes, the lowest byte first.
  std::array<std::array<std::uint32_t, 256>, 4> tables_;
};

}  // namespace minidfs
