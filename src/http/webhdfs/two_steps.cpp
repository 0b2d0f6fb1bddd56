// As in HDFS an operation that moves bytes has two steps: the first answers where the second is to
// be asked. That is a datanode, or where none suits the same address that the client has reached.
#include "base/machine_name.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "http/webhdfs/datanode_choice.hpp"
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

Asker asker_of(const RequestHead& request) {
  auto machine = machine_name();
  return {request.remote, request.local, machine.empty() ? "localhost" : std::move(machine)};
}

// Where there is no datanode with HTTP that the client could reach it stays at this server.
asio::awaitable<std::optional<metadata::Endpoint>> datanode_for(
    const Call& call, const std::vector<NodeId>* holders) {
  if (call.access.steps_stay()) co_return std::nullopt;
  const auto nodes = co_await client::http_nodes(call.context);
  if (nodes->empty()) co_return std::nullopt;
  const DatanodeWish wish{holders,
                          excluded_nodes(call.parameters.text("excludedatanodes").value_or(""))};
  co_return choose_datanode(*nodes, asker_of(call.exchange.request()), wish, random_128().low);
}

// The same operation with the same parameters, for the second step.
std::string location_of(const Call& call, const std::optional<metadata::Endpoint>& datanode) {
  const auto& request = call.exchange.request();
  const auto authority = with_port(authority_of(request), request.local.port);
  std::string location = "http://" + (datanode ? to_string(*datanode) : authority) + kPrefix +
                         escape_path(call.path) + "?op=" + call.operation +
                         "&user.name=" + escape_query(call.user) + '&' + kSecondStep + '=' +
                         escape_query(authority);
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

asio::awaitable<Answer> first_step_at_block(const Call& call, const actors::LocatedFile& file,
                                            std::uint64_t offset) {
  for (const auto& block : file.blocks) {
    if (offset >= block.offset + block.block.length) continue;
    std::vector<NodeId> holders;
    for (const auto& location : block.locations) holders.push_back(location.node);
    auto answer = co_await first_step(call, &holders);
    co_return answer;
  }
  auto answer = co_await first_step(call);  // Of an empty file: anywhere.
  co_return answer;
}

asio::awaitable<Answer> first_step(const Call& call, const std::vector<NodeId>* holders) {
  const auto stays = call.parameters.boolean("noredirect", false);
  if (!stays.ok()) co_return failed(stays.error());
  const auto datanode = co_await datanode_for(call, holders);
  const auto location = call.access.signed_step(location_of(call, datanode));
  if (*stays) co_return json_response({{"Location", location}});
  auto response = empty_response();
  response.head.status = 307;
  response.head.fields.add("Location", location);
  co_return response;
}

}  // namespace minidfs::http::webhdfs
