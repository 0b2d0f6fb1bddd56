#include "base/crc32c.hpp"

#include <boost/crc.hpp>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace minidfs {
namespace {

std::uint32_t by_table(std::span<const std::byte> bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> sum;
  sum.process_bytes(bytes.data(), bytes.size());
  return sum.checksum();
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0xFFFFFFFF;
  for (; bytes.size() >= sizeof(std::uint64_t); bytes = bytes.subspan(sizeof(std::uint64_t))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum = _mm_crc32_u64(sum, word);
  }
  auto narrow = static_cast<std::uint32_t>(sum);
  for (const auto byte : bytes) narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(byte));
  return ~narrow;
}
#endif

// A sum is a polynomial over GF(2), modulo that of the CRC; the highest bit stands for x^0. What
// comes behind a run of bytes multiplies the sum of the run by x^8 for each of its own bytes.
constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x80000000;

std::uint32_t product_of(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    if ((a & kOne) != 0) product ^= b;
    b = b >> 1 ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

// x^(8 * bytes), by squaring.
std::uint32_t factor_of(std::uint64_t bytes) {
  std::uint32_t factor = kOne;
  for (std::uint32_t power = kOne >> 8; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) factor = product_of(factor, power);
    power = product_of(power, power);
  }
  return factor;
}

}  // namespace

std::uint32_t crc32c_of_both(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_bytes) {
  return product_of(first, factor_of(second_bytes)) ^ second;
}

Crc32cJoiner::Crc32cJoiner(std::uint64_t second_bytes) {
  const auto factor = factor_of(second_bytes);
  for (std::uint32_t byte = 0; byte < tables_.size(); ++byte) {
    for (std::uint32_t value = 0; value < 256; ++value) {
      tables_[byte][value] = product_of(value << (8 * byte), factor);
    }
  }
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return by_instruction(bytes);
#endif
  return by_table(bytes);
}

}  // namespace minidfs
