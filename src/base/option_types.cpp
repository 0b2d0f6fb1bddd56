#include "base/option_types.hpp"

#include <charconv>

#include "base/logging.hpp"
#include "base/units.hpp"

namespace minidfs::option_types {
namespace {

constexpr std::uint16_t kNamenodePort = 8020;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string quote_toml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      quoted += "\\u00";
      quoted += kDigits[byte >> 4];
      quoted += kDigits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

Error bad_value(std::string_view text, std::string_view wanted) {
  return {Errc::kInvalidArgument, "'" + std::string(text) + "' is not " + std::string(wanted)};
}

Result<std::string> Host::parse(std::string_view text) {
  if (text.empty() || text.find_first_of(" \t/,") != std::string_view::npos) {
    return bad_value(text, "a host name or address");
  }
  return std::string(text);
}

Result<std::string> Advertise::parse(std::string_view text) {
  if (!text.empty() && !parse_host_port(text, 1)) return bad_value(text, "HOST or HOST:PORT");
  return std::string(text);
}

Result<std::string> Rack::parse(std::string_view text) {
  const bool plain = text.size() >= 2 && text.size() <= 255 && text.front() == '/' &&
                     text.back() != '/' && text.find("//") == std::string_view::npos &&
                     text.find_first_of(" \t\n,") == std::string_view::npos;
  if (!plain) return bad_value(text, "a rack such as /r1 or /room/r1");
  return std::string(text);
}

Result<std::string> LogLevelName::parse(std::string_view text) {
  MDFS_TRY([[maybe_unused]] const auto level, parse_log_level(text));
  return std::string(text);
}

Result<std::string> SyncMode::parse(std::string_view text) {
  if (text != "full" && text != "none") return bad_value(text, "one of full, none");
  return std::string(text);
}

Result<std::string> WriteCacheMode::parse(std::string_view text) {
  if (text != "auto" && text != "cached" && text != "direct") {
    return bad_value(text, "one of auto, cached, direct");
  }
  return std::string(text);
}

Result<std::string> CompressionName::parse(std::string_view text) {
  constexpr std::string_view kLevelPrefix = "zstd:";
  bool known = text == "none" || text == "zstd" || text == "auto";
  if (text.substr(0, kLevelPrefix.size()) == kLevelPrefix) {
    const auto level = parse_number(text.substr(kLevelPrefix.size()));
    known = level && *level >= 1 && *level <= 19;
  }
  if (!known) return bad_value(text, "one of none, auto, zstd, zstd:1 to zstd:19");
  return std::string(text);
}

Result<std::string> CombineModeName::parse(std::string_view text) {
  if (text != "MD5MD5CRC" && text != "COMPOSITE_CRC") {
    return bad_value(text, "one of MD5MD5CRC, COMPOSITE_CRC");
  }
  return std::string(text);
}

Result<std::vector<std::string>> PathList::parse(std::string_view text) {
  std::vector<std::string> items;
  if (text.empty()) return items;
  std::string_view rest = text;
  for (;;) {
    const auto comma = rest.find(',');
    const auto item = trimmed(rest.substr(0, comma));
    if (item.empty()) return bad_value(text, "a list without empty items");
    items.emplace_back(item);
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

std::string PathList::print(const Value& value) {
  std::string text = "[";
  for (const auto& item : value) text += (text.size() > 1 ? ", " : "") + quote_toml(item);
  return text + "]";
}

Result<std::vector<std::string>> NamenodeList::parse(std::string_view text) {
  MDFS_TRY(auto items, PathList::parse(text));
  if (items.empty()) return bad_value(text, "HOST:PORT");
  for (auto& item : items) {
    MDFS_TRY(const auto address, parse_host_port(item, kNamenodePort));
    item = format_host_port(address.host, address.port);
  }
  return items;
}

Result<std::vector<std::string>> MemberList::parse(std::string_view text) {
  if (text.empty()) return std::vector<std::string>{};
  return NamenodeList::parse(text);
}

Result<std::vector<std::string>> OriginList::parse(std::string_view text) {
  MDFS_TRY(auto items, PathList::parse(text));
  for (const auto& item : items) {
    const auto end = item.find("://");
    const bool whole = end != std::string::npos && end > 0 && end + 3 < item.size();
    if (!whole || item.find_first_of("/ \t*?#@", end + 3) != std::string::npos) {
      return bad_value(item, "an origin such as https://example.com or http://host:8080");
    }
  }
  return items;
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
  const auto number = parse_number(text);
  if (!number || *number < low || *number > high) {
    return bad_value(text,
                     "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *number;
}

Result<HttpPort> HttpPortOrOff::parse(std::string_view text) {
  if (text == "off") return HttpPort{0, false, true};
  const auto port = Port::parse(text);
  if (!port.ok()) return bad_value(text, "a port from 0 to 65535, or off");
  return HttpPort{*port, true, true};
}

std::string HttpPortOrOff::print(const Value& value) {
  return value.open ? Port::print(value.port) : quote_toml("off");
}

Result<bool> Switch::parse(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  return bad_value(text, "true or false");
}

Result<double> Fraction::parse(std::string_view text) {
  double value = -1;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  // The comparison is false for "nan" as well.
  if (problem != std::errc{} || stop != end || !(value >= 0 && value <= 1)) {
    return bad_value(text, "a number from 0 to 1");
  }
  return value;
}

std::string Fraction::print(const Value& value) {
  char text[32];
  const auto [stop, problem] = std::to_chars(text, text + sizeof text, value);
  MDFS_ASSERT(problem == std::errc{});
  std::string printed(text, stop);
  // TOML wants a point in a float.
  if (printed.find_first_of(".e") == std::string::npos) printed += ".0";
  return printed;
}

Result<std::uint64_t> parse_size_between(std::string_view text, std::uint64_t low,
                                         std::uint64_t high) {
  MDFS_TRY(const auto size_bytes, parse_size(text));
  if (size_bytes < low || size_bytes > high) {
    return bad_value(text, "from " + format_size(low) + " to " + format_size(high));
  }
  return size_bytes;
}

std::string print_size(std::uint64_t size_bytes) {
  const std::string text = format_size(size_bytes);
  return text.find('B') == std::string::npos ? text : quote_toml(text);
}

Result<std::chrono::milliseconds> Duration::parse(std::string_view text) {
  MDFS_TRY(const auto duration, parse_duration(text));
  if (duration.count() == 0) return bad_value(text, "longer than nothing");
  return duration;
}

Result<std::chrono::milliseconds> parse_duration_from(std::string_view text,
                                                      std::chrono::milliseconds low) {
  MDFS_TRY(const auto duration, parse_duration(text));
  if (duration < low) return bad_value(text, "at least " + format_duration(low));
  return duration;
}

Result<std::chrono::milliseconds> DurationOrZero::parse(std::string_view text) {
  return parse_duration(text);
}

std::string Duration::print(const Value& value) { return quote_toml(format_duration(value)); }

}  // namespace minidfs::option_types
