// How the values of options are read from text and written back. Private to base/config.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"

namespace minidfs::option_types {

std::string quote_toml(std::string_view text);
Error bad_value(std::string_view text, std::string_view wanted);

// Any text, for paths and names.
struct Text {
  using Value = std::string;
  static constexpr TomlKind kToml = TomlKind::kString;
  static Result<Value> parse(std::string_view text) { return Value(text); }
  static std::string print(const Value& value) { return quote_toml(value); }
};

// A host name or numeric address to listen on.
struct Host : Text {
  static Result<Value> parse(std::string_view text);
};

// Empty, HOST or HOST:PORT.
struct Advertise : Text {
  static Result<Value> parse(std::string_view text);
};

// "/rack" or "/room/rack".
struct Rack : Text {
  static Result<Value> parse(std::string_view text);
};

struct LogLevelName : Text {
  static Result<Value> parse(std::string_view text);
};

// "full" or "none".
struct SyncMode : Text {
  static Result<Value> parse(std::string_view text);
};

// "auto", "cached" or "direct".
struct WriteCacheMode : Text {
  static Result<Value> parse(std::string_view text);
};

// "none", "zstd", "zstd:L" or "auto".
struct CompressionName : Text {
  static Result<Value> parse(std::string_view text);
};

// "MD5MD5CRC" or "COMPOSITE_CRC".
struct CombineModeName : Text {
  static Result<Value> parse(std::string_view text);
};

// Paths separated by commas.
struct PathList {
  using Value = std::vector<std::string>;
  static constexpr TomlKind kToml = TomlKind::kStringOrArray;
  static Result<Value> parse(std::string_view text);
  static std::string print(const Value& value);
};

// HOST[:PORT] separated by commas; written back with the port.
struct NamenodeList : PathList {
  static Result<Value> parse(std::string_view text);
};

// The same, or nothing.
struct MemberList : PathList {
  static Result<Value> parse(std::string_view text);
};

// Sites as browsers name them: SCHEME://HOST[:PORT], separated by commas, or nothing.
struct OriginList : PathList {
  static Result<Value> parse(std::string_view text);
};

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t low, std::uint64_t high);

template <class T, std::uint64_t kLow, std::uint64_t kHigh>
struct Count {
  using Value = T;
  static constexpr TomlKind kToml = TomlKind::kInteger;
  static Result<Value> parse(std::string_view text) {
    MDFS_TRY(const auto number, parse_count(text, kLow, kHigh));
    return static_cast<Value>(number);
  }
  static std::string print(const Value& value) { return std::to_string(value); }
};

// 0 lets the kernel choose a free one, which the start-up line then names.
using Port = Count<std::uint16_t, 0, 65535>;

// The same, or "off".
struct HttpPortOrOff {
  using Value = HttpPort;
  static constexpr TomlKind kToml = TomlKind::kStringOrInteger;
  static Result<Value> parse(std::string_view text);
  static std::string print(const Value& value);
};

// "true" or "false".
struct Switch {
  using Value = bool;
  static constexpr TomlKind kToml = TomlKind::kBoolean;
  static Result<Value> parse(std::string_view text);
  static std::string print(const Value& value) { return value ? "true" : "false"; }
};

// A number from 0 to 1.
struct Fraction {
  using Value = double;
  static constexpr TomlKind kToml = TomlKind::kFloat;
  static Result<Value> parse(std::string_view text);
  static std::string print(const Value& value);
};

Result<std::uint64_t> parse_size_between(std::string_view text, std::uint64_t low,
                                         std::uint64_t high);
std::string print_size(std::uint64_t size_bytes);

template <std::uint64_t kLow, std::uint64_t kHigh>
struct Size {
  using Value = std::uint64_t;
  static constexpr TomlKind kToml = TomlKind::kStringOrInteger;
  static Result<Value> parse(std::string_view text) {
    return parse_size_between(text, kLow, kHigh);
  }
  static std::string print(const Value& value) { return print_size(value); }
};

// Longer than nothing.
struct Duration {
  using Value = std::chrono::milliseconds;
  static constexpr TomlKind kToml = TomlKind::kString;
  static Result<Value> parse(std::string_view text);
  static std::string print(const Value& value);
};

Result<std::chrono::milliseconds> parse_duration_from(std::string_view text,
                                                      std::chrono::milliseconds low);

// At least so long.
template <std::int64_t kLowMs>
struct DurationFrom : Duration {
  static Result<Value> parse(std::string_view text) {
    return parse_duration_from(text, std::chrono::milliseconds(kLowMs));
  }
};

// The same with nothing allowed, which switches something off.
struct DurationOrZero : Duration {
  static Result<Value> parse(std::string_view text);
};

}  // namespace minidfs::option_types
