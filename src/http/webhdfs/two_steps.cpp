// As in HDFS an operation that moves bytes has two steps: the first answers where the second is to
// be asked. Here that is the same address that the client has reached, which is known to be
// reachable for it.
#include "base/units.hpp"
#include "http/webhdfs/service.hpp"

namespace minidfs::http::webhdfs {
namespace {

// HDFS's name for the mark of a second step: the datanode is told whom to ask.
constexpr char kSecondStep[] = "namenoderpcaddress";

// As the client knows this server: by the name that it used, or the address that it reached.
std::string authority_of(const RequestHead& request) {
  const auto host = request.fields.find("Host");
  if (host && !host->empty()) return std::string(*host);
  return format_host_port(request.local.address, request.local.port);
}

std::string with_port(std::string authority, std::uint16_t port) {
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  return has_port ? authority : authority + ':' + std::to_string(port);
}

// The same operation with the same parameters, for the second step.
std::string location_of(const Call& call) {
  const auto& request = call.exchange.request();
  const auto authority = with_port(authority_of(request), request.local.port);
  std::string location = "http://" + authority + kPrefix + escape_path(call.path) +
                         "?op=" + call.operation + "&user.name=" + escape_query(call.user) + '&' +
                         kSecondStep + '=' + escape_query(authority);
  bool has_offset = false;
  for (const auto& [name, value] : call.parameters.query().all()) {
    const bool known = same_name(name, "op") || same_name(name, "user.name") ||
                       same_name(name, "noredirect") || same_name(name, kSecondStep);
    if (known) continue;
    has_offset = has_offset || same_name(name, "offset");
    location += '&' + escape_query(name) + '=' + escape_query(value);
  }
  // Java's client takes the offset off and puts its own there.
  if (call.operation == "OPEN" && !has_offset) location += "&offset=0";
  return location;
}

}  // namespace

bool is_second_step(const Call& call) { return call.parameters.text(kSecondStep).has_value(); }

std::string second_step_at(const Call& call) {
  return call.parameters.text(kSecondStep).value_or("");
}

Answer first_step(const Call& call) {
  const auto stays = call.parameters.boolean("noredirect", false);
  if (!stays.ok()) return failed(stays.error());
  const auto location = call.access.signed_step(location_of(call));
  if (*stays) return json_response({{"Location", location}});
  auto response = empty_response();
  response.head.status = 307;
  response.head.fields.add("Location", location);
  return response;
}

}  // namespace minidfs::http::webhdfs
