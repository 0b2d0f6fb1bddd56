#include "http/webhdfs/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/message.hpp"
#include "http/namespace_path.hpp"
#include "http/user_name.hpp"
#include "metadata/path.hpp"

namespace minidfs::http::webhdfs {
namespace {

// HDFS's hadoop.http.staticuser.user.
constexpr std::string_view kStaticUser = "dr.who";

constexpr std::uint16_t kPermissionMax = 01777;

template <class Number>
std::optional<Number> parse(std::string_view text, int base) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

Error invalid_parameter(std::string_view name, const std::string& why) {
  return {Errc::kInvalidArgument,
          "Invalid value for webhdfs parameter \"" + std::string(name) + "\": " + why};
}

std::optional<std::string> Parameters::text(std::string_view name) const {
  auto value = query_.find(name);
  return value && !value->empty() ? value : std::nullopt;
}

Result<std::string> Parameters::required(std::string_view name, std::string_view operation) const {
  if (auto value = text(name)) return *std::move(value);
  return Error{Errc::kInvalidArgument, "Required param " + std::string(name) + " for op: " +
                                           std::string(operation) + " is null or empty"};
}

Result<bool> Parameters::boolean(std::string_view name, bool otherwise) const {
  const auto value = text(name);
  if (!value || same_name(*value, "null")) return otherwise;
  if (same_name(*value, "true")) return true;
  if (same_name(*value, "false")) return false;
  return invalid_parameter(name, "Failed to parse \"" + *value + "\" to Boolean.");
}

Result<std::optional<std::int64_t>> Parameters::number(std::string_view name, std::int64_t min,
                                                       std::int64_t max) const {
  const auto value = text(name);
  if (!value || same_name(*value, "null")) return std::optional<std::int64_t>();
  const auto number = parse<std::int64_t>(*value, 10);
  if (!number) {
    return invalid_parameter(name,
                             "Failed to parse \"" + *value + "\" as a radix-10 long integer.");
  }
  if (*number < min || *number > max) {
    const bool low = *number < min;
    return invalid_parameter(name, "Invalid parameter range: " + std::string(name) + " = " +
                                       std::to_string(*number) + (low ? " < " : " > ") +
                                       std::to_string(low ? min : max));
  }
  return number;
}

Result<std::optional<std::uint16_t>> Parameters::permission(std::string_view name) const {
  const auto value = text(name);
  if (!value || same_name(*value, "null")) return std::optional<std::uint16_t>();
  const auto mode = parse<std::uint16_t>(*value, 8);
  if (!mode) {
    return invalid_parameter(name,
                             "Failed to parse \"" + *value + "\" as a radix-8 short integer.");
  }
  if (*mode > kPermissionMax) {
    return invalid_parameter(
        name, "Invalid parameter range: " + std::string(name) + " = " + *value + " > 1777");
  }
  return mode;
}

Result<std::string> Parameters::path(std::string_view name, std::string_view operation) const {
  MDFS_TRY(auto path, required(name, operation));
  if (const auto split = metadata::split_path(path); !split.ok()) {
    return invalid_parameter(name, split.error().message);
  }
  return path;
}

Result<std::string> user_of(const Parameters& parameters, const std::string& bearer) {
  auto user = parameters.text("user.name");
  if (!bearer.empty()) {
    if (!user || *user == bearer) return bearer;
    return Error{Errc::kPermissionDenied,
                 "The token is of user " + bearer + ", and not of user.name=" + *user};
  }
  if (!user) return std::string(kStaticUser);
  if (is_user_name(*user)) return *std::move(user);
  return invalid_parameter("user.name", "Invalid value: \"" + *user +
                                            "\" does not belong to the domain "
                                            "^[A-Za-z_][A-Za-z0-9._-]*[$]?$");
}

Result<std::string> namespace_path(std::string_view escaped) {
  MDFS_TRY(auto path, unescape_path(escaped));
  if (path.empty()) path = "/";
  return canonical_path(path);
}

}  // namespace minidfs::http::webhdfs
