#include "cli/verbs/node_names.hpp"

#include <algorithm>
#include <vector>

namespace minidfs::cli {

Result<client::NodeReport> find_node(const client::ClusterStatus& status, const std::string& name) {
  std::vector<const client::NodeReport*> on_host;
  std::string known;
  for (const auto& node : status.nodes) {
    if (node.name == name || to_string(node.id) == name) return node;
    if (node.name.substr(0, node.name.rfind(':')) == name) on_host.push_back(&node);
    known += (known.empty() ? "" : ", ") + node.name;
  }
  if (on_host.size() == 1) return *on_host.front();
  if (on_host.size() > 1) {
    return Error{Errc::kInvalidArgument, name + ": " + std::to_string(on_host.size()) +
                                             " datanodes run there; name one as HOST:PORT"};
  }
  return Error{Errc::kNotFound, name + ": no such datanode; there " +
                                    (known.empty() ? std::string("are none") : "are " + known)};
}

}  // namespace minidfs::cli
