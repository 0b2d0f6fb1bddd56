#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include "base/random_id.hpp"
#include "client/quorum_views.hpp"
#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {
namespace {

Json node_json(const actors::NodeReport& node) {
  Json object;
  // One that has not registered since the namenode started has none.
  if (!node.data.host.empty()) put_bytes(object, "address", metadata::to_string(node.data));
  object["id"] = to_string(node.node);
  put_bytes(object, "rack", node.rack);
  put_bytes(object, "state", node.state);
  put_bytes(object, "admin", node.admin);
  object["capacity"] = node.capacity_bytes;
  object["used"] = node.used_bytes;
  object["free"] = node.free_bytes;
  object["blocks"] = node.blocks;
  object["last_heartbeat_ms"] = node.last_heartbeat_ms;
  return object;
}

Json namenode_json(const client::Namenode& member) {
  Json object;
  if (!member.address.empty()) put_bytes(object, "address", member.address);
  object["id"] = hex_64(member.id);
  object["role"] = member.voter ? "voter" : "learner";
  put_bytes(object, "state", member.state);
  object["applied"] = member.applied;
  object["lag"] = member.lag;
  return object;
}

// Of the datanodes that may be reached.
struct Space {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
};

Space space_of(const std::vector<actors::NodeReport>& nodes) {
  Space space;
  for (const auto& node : nodes) {
    if (node.state == "dead" || node.state == "absent") continue;
    space.capacity_bytes += node.capacity_bytes;
    space.used_bytes += node.used_bytes;
    space.free_bytes += node.free_bytes;
  }
  return space;
}

Json cluster_json(const actors::StatusReply& status) {
  const auto space = space_of(status.nodes);
  Json object;
  object["cluster"] = to_string(status.cluster);
  object["safe_mode"] = status.safe_mode;
  object["files"] = status.files;
  object["blocks"] = status.blocks_total;
  object["capacity"] = space.capacity_bytes;
  object["used"] = space.used_bytes;
  object["free"] = space.free_bytes;
  object["under_replicated"] = status.blocks_under_replicated;
  object["missing"] = status.blocks_missing;
  object["corrupt"] = status.blocks_corrupt;
  object["repairs"] = {{"pending", status.pending_copies}};
  object["nodes"] = Json::array();
  for (const auto& node : status.nodes) object["nodes"].push_back(node_json(node));
  return object;
}

void add_namenodes(Json& object, const actors::QuorumReply& quorum) {
  object["namenodes"] = Json::array();
  for (const auto& report : quorum.members) {
    const auto member = client::namenode_of(report);
    object["namenodes"].push_back(namenode_json(member));
    if (member.id == quorum.leader && !member.address.empty()) {
      put_bytes(object, "leader", member.address);
    }
  }
}

}  // namespace

// What the namenode that leads says. Of the namenodes nothing, when it cannot say that.
asio::awaitable<Status> show_cluster(RestCall& call) {
  const actors::StatusRequest question;
  const auto status = co_await client::ask(call.context, question);
  if (!status.ok()) co_return status.error();
  auto object = cluster_json(*status);
  actors::QuorumRequest request{false};
  const auto quorum = co_await client::ask(call.context, std::move(request));
  if (quorum.ok()) add_namenodes(object, *quorum);
  object["http_access"] = call.access.asks_for_tokens() ? "token" : "everybody";
  co_await answer(call, 200, object);
  co_return Status();
}

}  // namespace minidfs::http::rest
