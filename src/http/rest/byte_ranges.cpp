#include "http/rest/byte_ranges.hpp"

#include <algorithm>
#include <optional>

#include "base/units.hpp"
#include "http/field_text.hpp"
#include "http/message.hpp"

namespace minidfs::http::rest {
namespace {

// A position beyond all that can be counted is beyond the file's end like any other.
std::optional<std::uint64_t> parse_position(std::string_view text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits) return std::nullopt;
  return parse_number(text).value_or(UINT64_MAX);
}

// One of the set. A length of 0 means that it has no byte of the file; nothing: it is malformed.
std::optional<ByteRange> parse_range(std::string_view text, std::uint64_t length) {
  const auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first_text = text.substr(0, dash);
  const auto last_text = text.substr(dash + 1);
  if (first_text.empty()) {
    const auto suffix = parse_position(last_text);
    if (!suffix) return std::nullopt;
    const auto count = std::min(*suffix, length);
    return ByteRange{length - count, count};
  }
  const auto first = parse_position(first_text);
  const auto last = last_text.empty() ? UINT64_MAX : parse_position(last_text);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= length) return ByteRange{};
  return ByteRange{*first, std::min(*last, length - 1) - *first + 1};
}

// Those with bytes of the file; nothing for a set that is malformed.
std::optional<std::vector<ByteRange>> parse_set(std::string_view set, std::uint64_t length) {
  std::vector<ByteRange> ranges;
  bool any = false;
  while (!set.empty()) {
    const auto text = trimmed(take_until(set, ','));
    if (text.empty()) continue;
    const auto range = parse_range(text, length);
    if (!range) return std::nullopt;
    any = true;
    if (range->length > 0) ranges.push_back(*range);
  }
  if (!any) return std::nullopt;
  return ranges;
}

// Whether they have at most as many bytes together as the file.
bool fit(const std::vector<ByteRange>& ranges, std::uint64_t length) {
  std::uint64_t left = length;
  for (const auto& range : ranges) {
    if (range.length > left) return false;
    left -= range.length;
  }
  return true;
}

}  // namespace

RangeChoice choose_ranges(std::string_view field, std::uint64_t length) {
  auto set = field;
  const auto unit = trimmed(take_until(set, '='));
  if (length == 0 || !same_name(unit, "bytes")) return {};
  auto ranges = parse_set(set, length);
  if (!ranges) return {};
  if (ranges->empty()) return {RangeChoice::Kind::kUnsatisfiable, {}};
  if (ranges->size() > kRangesMax || !fit(*ranges, length)) return {};
  return {RangeChoice::Kind::kRanges, *std::move(ranges)};
}

std::string content_range(const ByteRange& range, std::uint64_t length) {
  return "bytes " + std::to_string(range.offset) + "-" +
         std::to_string(range.offset + range.length - 1) + "/" + std::to_string(length);
}

std::string unsatisfied_range(std::uint64_t length) { return "bytes */" + std::to_string(length); }

}  // namespace minidfs::http::rest
