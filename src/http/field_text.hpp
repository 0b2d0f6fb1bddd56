// Small pieces of what all parsers of header fields do. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace minidfs::http {

// Without the spaces and tabs around it.
inline std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes what stands before the first `separator`, and this itself, off the front.
inline std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

// Of ASCII; other bytes stay.
inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (auto& each : lower) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return lower;
}

// All values under a name whose field is a list: one list, whichever way it was cut (RFC 9110,
// 5.3).
inline std::string joined_values(const Fields& fields, std::string_view name) {
  std::string values;
  for (const auto& [each, value] : fields.all()) {
    if (!same_name(each, name)) continue;
    if (!values.empty()) values += ", ";
    values += value;
  }
  return values;
}

}  // namespace minidfs::http
