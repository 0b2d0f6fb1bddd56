// Where a page of a directory begins, and which of its names belong to it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/uri.hpp"

namespace minidfs::http::rest {

struct ListingPage {
  static constexpr std::uint32_t kLimitMax = 1000;  // The namenode gives no more at a time.

  std::string start_after;  // The names behind this one; empty: from the first.
  std::uint32_t limit = kLimitMax;
  std::string prefix;  // Names that begin so, all of which follow one another.
};

// Of "cursor", "limit" and "prefix". kInvalidArgument for values that are none.
Result<ListingPage> listing_page(const Query& query);

// Says, to listing_page(), that the next page begins behind `name`; letters and digits only.
std::string cursor_behind(std::string_view name);

}  // namespace minidfs::http::rest
