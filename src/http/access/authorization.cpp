#include "http/access/authorization.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "http/field_text.hpp"

namespace minidfs::http::access {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648, 4; the padding may be left out.
std::optional<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (const char c : text) {
    const auto value = kBase64Digits.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = ((bits << 6) | static_cast<std::uint32_t>(value)) & 0xFFFF;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    bytes += static_cast<char>((bits >> bit_count) & 0xFF);
  }
  return bytes;
}

// "USER:PASSWORD". Whose token it is stands in the file of tokens; what a browser was told as user
// does not matter.
std::optional<std::string> password_of(std::string_view credentials) {
  const auto pair = decode_base64(credentials);
  if (!pair) return std::nullopt;
  const auto colon = pair->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return pair->substr(colon + 1);
}

std::optional<std::string_view> only_value(const Fields& fields, std::string_view name) {
  const auto& all = fields.all();
  const auto count = std::count_if(all.begin(), all.end(),
                                   [&](const auto& field) { return same_name(field.first, name); });
  return count == 1 ? fields.find(name) : std::nullopt;
}

}  // namespace

std::optional<ShownToken> shown_token(const Fields& fields) {
  const auto field = only_value(fields, "Authorization");
  if (!field) return std::nullopt;
  auto credentials = trimmed(*field);
  const auto scheme = take_until(credentials, ' ');
  credentials = trimmed(credentials);
  if (same_name(scheme, "Bearer")) return ShownToken{std::string(credentials), false};
  if (!same_name(scheme, "Basic")) return std::nullopt;
  auto password = password_of(credentials);
  if (!password) return std::nullopt;
  return ShownToken{*std::move(password), true};
}

}  // namespace minidfs::http::access
