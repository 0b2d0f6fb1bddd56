#include "base/crc32c.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace minidfs {
namespace {

std::uint32_t sum_of(const std::string& text) { return crc32c(std::as_bytes(std::span(text))); }

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST_CASE("CRC-32C of known bytes is what RFC 3720 says") {
  CHECK(sum_of("") == 0);
  CHECK(sum_of("123456789") == 0xE3069283);
  CHECK(sum_of(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(sum_of(std::string(32, '\xFF')) == 0x62A8AB43);
}

TEST_CASE("the sums of two runs make that of both, however long they are") {
  const auto bytes = some_bytes(70'001);
  for (const std::size_t cut : {0, 1, 7, 8, 512, 65'536, 70'000, 70'001}) {
    CAPTURE(cut);
    const auto first = sum_of(bytes.substr(0, cut));
    const auto second = sum_of(bytes.substr(cut));
    CHECK(crc32c_of_both(first, second, bytes.size() - cut) == sum_of(bytes));
    CHECK(Crc32cJoiner(bytes.size() - cut).of_both(first, second) == sum_of(bytes));
  }
}

TEST_CASE("a run may be longer than memory") {
  // A run of zeros multiplies; so many of them, one way and the other.
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 40;
  const auto sum = sum_of("123456789");
  const auto half = crc32c_of_both(sum, 0, kHalf);
  CHECK(crc32c_of_both(half, 0, kHalf) == crc32c_of_both(sum, 0, 2 * kHalf));
}

}  // namespace
}  // namespace minidfs
