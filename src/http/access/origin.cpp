#include "http/access/origin.hpp"

#include <string>
#include <string_view>

#include "http/field_text.hpp"

namespace minidfs::http::access {
namespace {

// Host and port; without the latter where it is the one that the scheme means anyway.
std::string authority(std::string_view text, std::string_view scheme) {
  auto host = lower_case(trimmed(text));
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  return host;
}

}  // namespace

bool is_foreign(const Fields& fields) {
  const auto field = fields.find("Origin");
  if (!field) return false;
  const auto origin = trimmed(*field);
  const auto end = origin.find("://");
  const auto host = fields.find("Host");
  // "null" is any page that hides where it comes from.
  if (end == origin.npos || !host) return true;
  const auto scheme = lower_case(origin.substr(0, end));
  return authority(origin.substr(end + 3), scheme) != authority(*host, scheme);
}

}  // namespace minidfs::http::access
