#include "http/uri.hpp"

#include <cstdint>

#include "http/message.hpp"

namespace minidfs::http {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

int value_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

Result<std::string> unescape(std::string_view escaped, bool plus_is_space) {
  std::string text;
  text.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] == '+' && plus_is_space) {
      text += ' ';
      continue;
    }
    if (escaped[i] != '%') {
      text += escaped[i];
      continue;
    }
    const int high = i + 2 < escaped.size() ? value_of(escaped[i + 1]) : -1;
    const int low = high >= 0 ? value_of(escaped[i + 2]) : -1;
    if (low < 0) {
      return Error{Errc::kInvalidArgument,
                   "\"" + std::string(escaped.substr(i, 3)) + "\": not an escaped character"};
    }
    if (high == 0 && low == 0) {
      return Error{Errc::kInvalidArgument, "\"%00\": a zero byte is part of no name"};
    }
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return text;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string escape(std::string_view text, bool slash_stays) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (slash_stays && c == '/')) {
      escaped += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    escaped += '%';
    escaped += kHexDigits[byte >> 4];
    escaped += kHexDigits[byte & 15];
  }
  return escaped;
}

}  // namespace

Result<std::string> unescape_path(std::string_view escaped) { return unescape(escaped, false); }

std::string escape_path(std::string_view path) { return escape(path, true); }

std::string escape_query(std::string_view text) { return escape(text, false); }

std::string with_port(std::string authority, std::uint16_t port) {
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return has_port ? authority : authority + ':' + std::to_string(port);
}

Result<Query> Query::parse(std::string_view query) {
  Query parsed;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    MDFS_TRY(auto name, unescape(pair.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      MDFS_TRY(value, unescape(pair.substr(equals + 1), true));
    }
    parsed.parameters_.emplace_back(std::move(name), std::move(value));
  }
  return parsed;
}

std::optional<std::string> Query::find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Query::find_all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : parameters_) {
    if (same_name(key, name)) values.push_back(value);
  }
  return values;
}

}  // namespace minidfs::http
