// The parameters of a WebHDFS request, with HDFS's types, ranges and error texts. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/uri.hpp"

namespace minidfs::http::webhdfs {

// The errors are kInvalidArgument, with what HDFS says.
class Parameters {
 public:
  explicit Parameters(Query query) : query_(std::move(query)) {}

  // What stands there; none for an absent or empty value.
  std::optional<std::string> text(std::string_view name) const;
  Result<std::string> required(std::string_view name, std::string_view operation) const;
  Result<bool> boolean(std::string_view name, bool otherwise) const;
  // Decimal; "null" is as good as absent.
  Result<std::optional<std::int64_t>> number(std::string_view name, std::int64_t min,
                                             std::int64_t max = INT64_MAX) const;
  // Octal, 0 to 01777.
  Result<std::optional<std::uint16_t>> permission(std::string_view name) const;
  // An absolute path, as it can be one of the namespace.
  Result<std::string> path(std::string_view name, std::string_view operation) const;

  const Query& query() const { return query_; }

 private:
  Query query_;
};

// "Invalid value for webhdfs parameter "NAME": WHY".
Error invalid_parameter(std::string_view name, const std::string& why);

// Who asks: `bearer` if his token says so, else the user.name, or HDFS's static user.
// kInvalidArgument for what is no name, kPermissionDenied for that of another than the bearer.
Result<std::string> user_of(const Parameters& parameters, const std::string& bearer);

// The path of the namespace that a request's path names, below the prefix: unescaped once, without
// repeated slashes. Errors are of metadata::split_path().
Result<std::string> namespace_path(std::string_view escaped);

}  // namespace minidfs::http::webhdfs
