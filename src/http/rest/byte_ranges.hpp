// Which bytes of a file a Range field asks for, and how the answer names them (RFC 9110, 14). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minidfs::http::rest {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // At least 1; all of it lies in the file.

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeChoice {
  enum class Kind : std::uint8_t { kWhole, kRanges, kUnsatisfiable };
  Kind kind = Kind::kWhole;
  std::vector<ByteRange> ranges;  // Of kRanges: at least one, in the order of the request.
};

// More of them in one request are not served: the whole is.
inline constexpr std::size_t kRangesMax = 32;

// Of a file of `length` bytes. The whole file is sent, as the standard allows, where the field is
// of another unit or malformed, where the ranges are too many or have more bytes together than the
// file (they overlap: nobody needs that, but for wearing a server out), and of an empty file.
RangeChoice choose_ranges(std::string_view field, std::uint64_t length);

// "bytes 0-9/100".
std::string content_range(const ByteRange& range, std::uint64_t length);
// "bytes */100": no range of the request has a byte of the file.
std::string unsatisfied_range(std::uint64_t length);

}  // namespace minidfs::http::rest
