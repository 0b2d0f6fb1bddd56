// Points in time, as fields of HTTP (RFC 9110, 5.6.7) and JSON write them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minidfs::http {

// Of milliseconds since 1970 (UTC): "Mon, 30 Nov 2026 14:00:00 GMT", "2026-11-30T14:00:00.000Z".
// Files can be given any time; one that has no year of four digits becomes the nearest that has.
std::string http_date(std::int64_t unix_ms);
std::string iso_time(std::int64_t unix_ms);

// Seconds since 1970, of any of the three forms that HTTP knows; nothing for other text.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace minidfs::http
