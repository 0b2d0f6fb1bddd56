// The parts of a request's target (RFC 3986), as HDFS's clients send them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace minidfs::http {

// "%2F" and so on, once; '+' stays. kInvalidArgument for a '%' that is not followed by two
// hexadecimal digits, and for an escaped zero byte.
Result<std::string> unescape_path(std::string_view escaped);
// All but letters, digits and "-._~/" is escaped.
std::string escape_path(std::string_view path);
// The same for a name or value of a query, where '/' is escaped too.
std::string escape_query(std::string_view text);

// "HOST:PORT", with `port` where the authority names none.
std::string with_port(std::string authority, std::uint16_t port);

// "a=1&b=2", where '+' is a space.
class Query {
 public:
  static Result<Query> parse(std::string_view query);

  // The first value under the name, which is compared without regard to case.
  std::optional<std::string> find(std::string_view name) const;
  // All of them.
  std::vector<std::string> find_all(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return parameters_; }

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace minidfs::http
