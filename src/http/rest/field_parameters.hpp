// A value of a header field with its parameters, as "form-data; name=\"file\"; filename=\"a.txt\"".
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minidfs::http::rest {

struct ParameterizedValue {
  std::string value;                                            // In lower case.
  std::vector<std::pair<std::string, std::string>> parameters;  // Names in lower case.

  std::optional<std::string> find(std::string_view name) const;
};

// Of a quoted value only \" and \\ are taken as escapes: some browsers send paths of Windows as
// they are. Nothing when it is malformed.
std::optional<ParameterizedValue> parse_parameterized(std::string_view field);

}  // namespace minidfs::http::rest
