#include "base/random_id.hpp"

#include <sys/random.h>

#include <cerrno>
#include <charconv>

namespace minidfs {
namespace {

// 16 digits of either case, nothing else: from_chars alone would take fewer, or a sign.
bool parse_half(std::string_view digits, std::uint64_t& value) {
  const char* end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, value, 16);
  return problem == std::errc{} && stop == end;
}

}  // namespace

Random128 random_128() {
  Random128 bits;
  do {
    ssize_t count = 0;
    do {
      count = ::getrandom(&bits, sizeof bits, 0);
    } while (count < 0 && errno == EINTR);
    // Requests of up to 256 bytes are never cut short (getrandom(2)), and the call exists
    // wherever minidfs runs.
    MDFS_ASSERT(count == static_cast<ssize_t>(sizeof bits));
  } while (bits.high == 0 && bits.low == 0);
  return bits;
}

Result<Random128> parse_128(std::string_view text, std::string_view what) {
  Random128 bits;
  if (text.size() != 32 || !parse_half(text.substr(0, 16), bits.high) ||
      !parse_half(text.substr(16), bits.low)) {
    return Error{Errc::kInvalidArgument, std::string(what) + ": '" +
                                             std::string(text.substr(0, 80)) +
                                             "' is not an id of 32 hexadecimal digits"};
  }
  return bits;
}

std::string hex_64(std::uint64_t id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, id >>= 4U) *at = kDigits[id & 15U];
  return text;
}

Result<std::uint64_t> parse_64(std::string_view text, std::string_view what) {
  std::uint64_t id = 0;
  if (text.size() != 16 || !parse_half(text, id)) {
    return Error{Errc::kInvalidArgument, std::string(what) + ": '" +
                                             std::string(text.substr(0, 80)) +
                                             "' is not an id of 16 hexadecimal digits"};
  }
  return id;
}

}  // namespace minidfs
