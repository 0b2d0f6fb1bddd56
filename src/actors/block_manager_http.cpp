// The part of the block manager that knows where datanodes serve HTTP. They say so after each
// registration; with that, or their death, it is forgotten.
#include "actors/block_manager.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {

Status BlockManager::announce_http(const AnnounceHttp& request) {
  const auto* node = registry_.find(request.node);
  if (node == nullptr || node->incarnation != request.incarnation ||
      node->state == metadata::NodeState::kDead) {
    return Error{Errc::kNotFound, "datanode " + to_string(request.node) +
                                      " serves HTTP, but has not registered here"};
  }
  if (request.http.host.empty() || request.http.port == 0) {
    return Error{Errc::kInvalidArgument,
                 "datanode " + to_string(node->data) + " names no address at which it serves HTTP"};
  }
  work(node->index).http = request;
  log_info("namenode", "datanode {} serves HTTP at {}", to_string(node->data),
           to_string(request.http));
  return {};
}

HttpNodesReply BlockManager::http_nodes() const {
  HttpNodesReply reply;
  for (const auto& node : registry_.nodes()) {
    if (node.state != metadata::NodeState::kLive || node.index.value >= work_.size()) continue;
    const auto& http = work_[node.index.value].http;
    if (!http.has_value()) continue;
    reply.nodes.push_back(
        {node.id, node.host, node.data, http->http, http->on_loopback, http->access});
  }
  return reply;
}

}  // namespace minidfs::actors
