#include "cli/verbs/node_names.hpp"

#include <algorithm>
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

// Several identities may have had a name one after the other: the one that lives is meant, or that
// is dead.
Result<client::NodeReport> only_one(const std::string& name, const Nodes& found, Meant meant) {
  Nodes preferred;
  for (const auto* node : found) {
    if ((node->state == "dead") == (meant == Meant::kDead)) preferred.push_back(node);
  }
  const Nodes& candidates = preferred.empty() ? found : preferred;
  if (candidates.size() == 1) return *candidates.front();
  const bool all_dead = std::all_of(candidates.begin(), candidates.end(),
                                    [](const auto* node) { return node->state == "dead"; });
  std::string text = name + ": " + std::to_string(candidates.size()) +
                     (all_dead ? " dead datanodes" : " datanodes") + " have this name; give ";
  for (const auto* node : candidates) {
    text += (node == candidates.front() ? "" : " or ") + node->name + " as " + to_string(node->id);
  }
  return Error{Errc::kInvalidArgument, text};
}

}  // namespace

Result<client::NodeReport> find_node(const client::ClusterStatus& status, const std::string& name,
                                     Meant meant) {
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
  if (!exact.empty()) return only_one(name, exact, meant);
  if (!on_host.empty()) return only_one(name, on_host, meant);
  return Error{Errc::kNotFound, name + ": no such datanode; there " +
                                    (known.empty() ? std::string("are none") : "are " + known)};
}

}  // namespace minidfs::cli
