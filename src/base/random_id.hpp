// Makes and parses the random 128-bit ids of base/ids.hpp, and those of 64 bits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace minidfs {

// From the kernel's generator (getrandom); never all zero, which means "none".
struct Random128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};
Random128 random_128();

// The reverse of to_string(Id128): exactly 32 hexadecimal digits. `what` names the id in errors.
Result<Random128> parse_128(std::string_view text, std::string_view what);

// Ids of 64 bits, such as members have: 16 hexadecimal digits.
std::string hex_64(std::uint64_t id);
Result<std::uint64_t> parse_64(std::string_view text, std::string_view what);

template <class Id>
Id random_id() {
  const auto bits = random_128();
  return Id{bits.high, bits.low};
}

template <class Id>
Result<Id> parse_id(std::string_view text, std::string_view what) {
  MDFS_TRY(const auto bits, parse_128(text, what));
  return Id{bits.high, bits.low};
}

}  // namespace minidfs
