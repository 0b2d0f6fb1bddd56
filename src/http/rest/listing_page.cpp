#include "http/rest/listing_page.hpp"

#include <algorithm>
#include <optional>

#include "base/units.hpp"
#include "metadata/path.hpp"

namespace minidfs::http::rest {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

// The last name, if there were one, in front of all that begin with `prefix`. No name has a zero
// byte, or is longer than kNameBytesMax.
std::string name_before(std::string prefix) {
  if (prefix.empty()) return prefix;
  if (prefix.back() == '\x01') {
    prefix.pop_back();
    return prefix;
  }
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) - 1);
  prefix.resize(std::max(prefix.size(), metadata::kNameBytesMax), '\xFF');
  return prefix;
}

std::optional<std::string> name_of(std::string_view cursor) {
  std::string name;
  for (std::size_t i = 0; i + 1 < cursor.size(); i += 2) {
    const auto high = kDigits.find(cursor[i]);
    const auto low = kDigits.find(cursor[i + 1]);
    if (high == kDigits.npos || low == kDigits.npos) return std::nullopt;
    name += static_cast<char>(high * 16 + low);
  }
  if (cursor.size() % 2 != 0 || !metadata::check_name(name).ok()) return std::nullopt;
  return name;
}

Error invalid(const std::string& parameter, const std::string& value) {
  return {Errc::kInvalidArgument, parameter + "=" + value + ": not a value of this parameter"};
}

}  // namespace

Result<ListingPage> listing_page(const Query& query) {
  ListingPage page;
  if (const auto prefix = query.find("prefix")) {
    if (prefix->find_first_of(std::string_view("/\0", 2)) != prefix->npos) {
      return invalid("prefix", *prefix);
    }
    page.prefix = *prefix;
    page.start_after = name_before(*prefix);
  }
  if (const auto cursor = query.find("cursor"); cursor && !cursor->empty()) {
    const auto name = name_of(*cursor);
    if (!name) return invalid("cursor", *cursor);
    page.start_after = std::max(page.start_after, *name);
  }
  if (const auto text = query.find("limit")) {
    const auto limit = parse_number(*text);
    if (!limit || *limit == 0) return invalid("limit", *text);
    page.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(*limit, page.kLimitMax));
  }
  return page;
}

std::string cursor_behind(std::string_view name) {
  std::string cursor;
  for (const char each : name) {
    const auto byte = static_cast<unsigned char>(each);
    cursor += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return cursor;
}

}  // namespace minidfs::http::rest
