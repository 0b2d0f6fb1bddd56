#include "http/rest/conditions.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/random_id.hpp"
#include "http/dates.hpp"
#include "http/field_text.hpp"

namespace minidfs::http::rest {
namespace {

enum class Comparison : std::uint8_t { kStrong, kWeak };

// Whether the list of tags (or "*", which stands for whatever there is) has this one. What follows
// something that is no tag is not looked at.
bool lists(std::string_view list, std::string_view tag, Comparison comparison) {
  if (trimmed(list) == "*") return true;
  for (;;) {
    list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
    const bool weak = list.starts_with("W/");
    if (weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const auto end = list.find('"', 1);
    if (end == list.npos) return false;
    const bool counts = !weak || comparison == Comparison::kWeak;
    if (counts && list.substr(0, end + 1) == tag) return true;
    list.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> date_under(const Fields& fields, std::string_view name) {
  const auto value = fields.find(name);
  return value ? parse_http_date(*value) : std::nullopt;
}

// Last-Modified, which has whole seconds.
std::int64_t modified_seconds(const Validators& file) {
  return *parse_http_date(http_date(file.modified_ms));
}

}  // namespace

Validators validators_of(const metadata::FileStatus& status) {
  auto tag = "\"" + hex_64(status.id.value) + "-" +
             hex_64(static_cast<std::uint64_t>(status.modified_ms)) + "-" + hex_64(status.length) +
             "\"";
  return {std::move(tag), status.modified_ms};
}

// In the order of RFC 9110, 13.2.2: a date is not looked at beside a tag.
Judgement judge_read(const Fields& fields, const Validators& file) {
  if (fields.find("If-Match")) {
    const auto list = joined_values(fields, "If-Match");
    if (!lists(list, file.tag, Comparison::kStrong)) return Judgement::kFailed;
  } else if (const auto since = date_under(fields, "If-Unmodified-Since")) {
    if (modified_seconds(file) > *since) return Judgement::kFailed;
  }
  if (fields.find("If-None-Match")) {
    const auto list = joined_values(fields, "If-None-Match");
    if (lists(list, file.tag, Comparison::kWeak)) return Judgement::kNotModified;
  } else if (const auto since = date_under(fields, "If-Modified-Since")) {
    if (modified_seconds(file) <= *since) return Judgement::kNotModified;
  }
  return Judgement::kServe;
}

bool permits_write(const Fields& fields, const std::optional<Validators>& file) {
  if (fields.find("If-Match")) {
    const auto list = joined_values(fields, "If-Match");
    if (!file || !lists(list, file->tag, Comparison::kStrong)) return false;
  }
  if (!file || !fields.find("If-None-Match")) return true;
  return !lists(joined_values(fields, "If-None-Match"), file->tag, Comparison::kWeak);
}

bool range_counts(const Fields& fields, const Validators& file) {
  const auto value = fields.find("If-Range");
  if (!value) return true;
  const auto named = trimmed(*value);
  if (named.find('"') != named.npos) return named == file.tag;
  const auto date = parse_http_date(named);
  return date && *date == modified_seconds(file);
}

}  // namespace minidfs::http::rest
