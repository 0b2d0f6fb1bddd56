// How people write sizes, durations and addresses: parsing, exact printing and rounded printing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs {

// Decimal digits only, no sign, no spaces; nothing for anything else or above 2^64 - 1.
std::optional<std::uint64_t> parse_number(std::string_view text);

// Bytes: "1048576", "64M", "64MiB", "1g". K, M, G, T and P are powers of 1024, in either case;
// "MB" is refused because people disagree about it. Errors: kInvalidArgument with the text.
Result<std::uint64_t> parse_size(std::string_view text);

// The longest duration that can be written. A nanosecond count of 64 bits holds it 29 times, which
// leaves room for arithmetic.
inline constexpr std::chrono::milliseconds kDurationMax{3650LL * 86'400'000};

// "500ms", "3s", "10m", "1h", "7d". A number without a unit is refused, except 0.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// In the largest unit that divides the value, so that parsing gives the value back: "64MiB".
std::string format_size(std::uint64_t size_bytes);
std::string format_duration(std::chrono::milliseconds duration);

// Rounded for reading: "1.5 GiB", "512 B".
std::string human_size(std::uint64_t size_bytes);

// Rounded for reading: "12 s", "3:05", "1:02:03".
std::string human_duration(std::chrono::seconds duration);

struct HostPort {
  std::string host;  // Name or numeric address, without brackets.
  std::uint16_t port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "host:port" or "[v6]:port"; "host" alone when `default_port` is given. Port 0 is refused.
Result<HostPort> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port);
// The same back: "host:port", with brackets around an IPv6 address.
std::string format_host_port(std::string_view host, std::uint16_t port);

}  // namespace minidfs
