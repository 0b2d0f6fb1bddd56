#include "http/rest/content_disposition.hpp"

#include <algorithm>

#include "base/printable.hpp"

namespace minidfs::http::rest {
namespace {

bool is_letter_or_digit(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9');
}

// Means the same to everybody between quotes. Some clients take '%' for the beginning of an escape.
bool is_plain(char byte) {
  return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\' && byte != '%';
}

// RFC 8187's attr-char.
bool stands_for_itself(char byte) {
  return is_letter_or_digit(byte) ||
         std::string_view("!#$&+-.^_`|~").find(byte) != std::string::npos;
}

std::string extended(std::string_view name) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char each : name) {
    const auto byte = static_cast<unsigned char>(each);
    if (stands_for_itself(each)) {
      text += each;
    } else {
      text += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return text;
}

}  // namespace

std::string content_disposition(std::string_view kind, std::string_view name) {
  std::string plain(name);
  std::replace_if(
      plain.begin(), plain.end(), [](char each) { return !is_plain(each); }, '_');
  std::string field(kind);
  field += "; filename=\"" + plain + "\"";
  if (plain != name && is_utf8(name)) field += "; filename*=UTF-8''" + extended(name);
  return field;
}

}  // namespace minidfs::http::rest
