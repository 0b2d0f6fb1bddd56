#include "base/units.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace minidfs {
namespace {

struct DurationUnit {
  std::string_view suffix;
  std::int64_t milliseconds;
};

// Largest first, so that printing finds the largest unit that divides.
constexpr std::array<DurationUnit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

constexpr std::string_view kSizeLetters = "KMGTP";

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// Splits "64MiB" into its digits and the rest.
std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// The power of 1024 that a suffix such as "M" or "MiB" stands for.
std::optional<unsigned> size_shift(std::string_view suffix) {
  if (suffix.empty() || suffix == "B" || suffix == "b") return 0U;
  const char letter = suffix[0] >= 'a' ? static_cast<char>(suffix[0] - 'a' + 'A') : suffix[0];
  const auto index = kSizeLetters.find(letter);
  if (index == std::string_view::npos) return std::nullopt;
  const std::string_view rest = suffix.substr(1);
  if (!rest.empty() && rest != "iB" && rest != "ib") return std::nullopt;
  return static_cast<unsigned>(10 * (index + 1));
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || problem != std::errc{} || stop != end) return std::nullopt;
  return value;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view suffix = text;
  const auto number = parse_number(take_digits(suffix));
  const auto shift = size_shift(suffix);
  if (!number || !shift) {
    return Error{Errc::kInvalidArgument,
                 quoted(text) + " is not a size such as 1048576, 64M or 64MiB"};
  }
  if (*number > (std::numeric_limits<std::uint64_t>::max() >> *shift)) {
    return Error{Errc::kInvalidArgument, quoted(text) + " is more than 64 bits can count"};
  }
  return *number << *shift;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::string_view suffix = text;
  const auto number = parse_number(take_digits(suffix));
  if (number && *number == 0 && suffix.empty()) return std::chrono::milliseconds(0);
  for (const auto& unit : kDurationUnits) {
    if (!number || suffix != unit.suffix) continue;
    constexpr auto kLongestMs = static_cast<std::uint64_t>(kDurationMax.count());
    const auto factor = static_cast<std::uint64_t>(unit.milliseconds);
    if (*number > kLongestMs / factor) {
      return Error{Errc::kInvalidArgument,
                   quoted(text) + " is longer than " + format_duration(kDurationMax)};
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*number * factor));
  }
  return Error{Errc::kInvalidArgument,
               quoted(text) + " is not a duration such as 500ms, 3s or 10m"};
}

std::string format_size(std::uint64_t size_bytes) {
  std::size_t power = 0;
  while (power < kSizeLetters.size() && size_bytes != 0 && size_bytes % 1024 == 0) {
    size_bytes /= 1024;
    ++power;
  }
  if (power == 0) return std::to_string(size_bytes);
  return std::to_string(size_bytes) + kSizeLetters[power - 1] + "iB";
}

std::string format_duration(std::chrono::milliseconds duration) {
  if (duration.count() == 0) return "0s";
  for (const auto& unit : kDurationUnits) {
    // Whole days are rare and "10m" is read more easily than "600s": the largest unit that divides.
    if (duration.count() % unit.milliseconds != 0) continue;
    return std::to_string(duration.count() / unit.milliseconds) + std::string(unit.suffix);
  }
  return std::to_string(duration.count()) + "ms";
}

std::string human_size(std::uint64_t size_bytes) {
  if (size_bytes < 1024) return std::to_string(size_bytes) + " B";
  double value = static_cast<double>(size_bytes);
  std::size_t power = 0;
  // 1023.95 would print as 1024.0, so such values move on to the next unit.
  while (power < kSizeLetters.size() && value >= 1023.95) {
    value /= 1024;
    ++power;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %ciB", value, kSizeLetters[power - 1]);
  return text;
}

std::string human_duration(std::chrono::seconds duration) {
  const auto total = duration.count() < 0 ? 0LL : static_cast<long long>(duration.count());
  char text[40];
  if (total < 60) {
    std::snprintf(text, sizeof text, "%lld s", total);
  } else if (total < 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  }
  return text;
}

Result<HostPort> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port) {
  const Error refused{Errc::kInvalidArgument, quoted(text) + " is not HOST:PORT"};
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return refused;
    host = text.substr(1, bracket - 1);
    const std::string_view rest = text.substr(bracket + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return refused;
    if (has_port) port = rest.substr(1);
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
    // An IPv6 address without brackets: where it ends and the port begins is anyone's guess.
    if (host.find(':') != std::string_view::npos) return refused;
  }
  if (host.empty() || host.find_first_of(" \t/,") != std::string_view::npos) return refused;
  if (!has_port && !default_port) return refused;
  if (!has_port) return HostPort{std::string(host), *default_port};
  const auto number = parse_number(port);
  if (!number || *number == 0 || *number > 65535) {
    return Error{Errc::kInvalidArgument,
                 quoted(text) + ": '" + std::string(port) + "' is not a port from 1 to 65535"};
  }
  return HostPort{std::string(host), static_cast<std::uint16_t>(*number)};
}

std::string format_host_port(std::string_view host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  const std::string name(host);
  return (is_ipv6 ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

}  // namespace minidfs
