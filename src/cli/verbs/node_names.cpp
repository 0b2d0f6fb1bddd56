#include "cli/verbs/node_names.hpp"

#include <string_view>
#include <vector>

namespace minidfs::cli {

namespace {

// Without port and brackets.
std::string_view host_of(std::string_view name) {
  if (const auto bracket = name.find(']'); !name.empty() && name.front() == '[') {
    return bracket == std::string_view::npos ? name : name.substr(1, bracket - 1);
  }
  const auto colon = name.find(':');
  // More than one colon without brackets: an IPv6 address and nothing else.
  if (colon != std::string_view::npos && name.find(':', colon + 1) != std::string_view::npos) {
    return name;
  }
  return name.substr(0, colon);
}

using Nodes = std::vector<const client::NodeReport*>;

// Several identities may have had a name one after the other: the one that lives is meant.
Result<client::NodeReport> only_one(const std::string& name, const Nodes& found) {
  Nodes live;
  for (const auto* node : found) {
    if (node->state != "dead") live.push_back(node);
  }
  const Nodes& candidates = live.empty() ? found : live;
  if (candidates.size() == 1) return *candidates.front();
  std::string text = name + ": " + std::to_string(candidates.size()) +
                     (live.empty() ? " dead datanodes" : " datanodes") + " have this name; give ";
  for (const auto* node : candidates) {
    text += (node == candidates.front() ? "" : " or ") + node->name + " as " + to_string(node->id);
  }
  return Error{Errc::kInvalidArgument, text};
}

}  // namespace

Result<client::NodeReport> find_node(const client::ClusterStatus& status, const std::string& name) {
  Nodes exact;
  Nodes on_host;
  std::string known;
  for (const auto& node : status.nodes) {
    if (to_string(node.id) == name) return node;
    if (node.name == name) exact.push_back(&node);
    if (host_of(node.name) == host_of(name) && (host_of(name) == name || name.back() == ']')) {
      on_host.push_back(&node);
    }
    known += (known.empty() ? "" : ", ") + node.name;
  }
  if (!exact.empty()) return only_one(name, exact);
  if (!on_host.empty()) return only_one(name, on_host);
  return Error{Errc::kNotFound, name + ": no such datanode; there " +
                                    (known.empty() ? std::string("are none") : "are " + known)};
}

}  // namespace minidfs::cli
