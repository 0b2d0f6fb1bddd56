#include "http/webhdfs/datanode_choice.hpp"

#include <algorithm>
#include <array>

#include "http/field_text.hpp"

namespace minidfs::http::webhdfs {
namespace {

using actors::HttpNode;
using metadata::Endpoint;

// By name or number, without asking anybody.
bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// Whether it runs on the machine that was reached.
bool is_here(const Asker& asker) {
  return asker.remote.loopback || asker.remote.address == asker.local.address;
}

// As the asker reaches it.
std::optional<Endpoint> address_for(const HttpNode& node, const Asker& asker) {
  const bool by_loopback = asker.remote.loopback && node.host == asker.machine;
  if (is_loopback(node.http.host)) return by_loopback ? std::optional(node.http) : std::nullopt;
  // What a machine calls itself it need not be able to look up.
  if (by_loopback && node.on_loopback) return Endpoint{"127.0.0.1", node.http.port};
  return node.http;
}

// Of other machines only those are recognised that their datanodes announce by number.
bool is_near(const HttpNode& node, const Asker& asker) {
  if (is_here(asker)) return node.host == asker.machine;
  return node.http.host == asker.remote.address || node.data.host == asker.remote.address;
}

bool is_excluded(const HttpNode& node, const Endpoint& address,
                 const std::vector<std::string>& excluded) {
  const std::array<const Endpoint*, 3> known_by{&address, &node.http, &node.data};
  return std::any_of(excluded.begin(), excluded.end(), [&](const std::string& text) {
    return std::any_of(known_by.begin(), known_by.end(), [&](const Endpoint* endpoint) {
      return text == endpoint->host || text == to_string(*endpoint);
    });
  });
}

bool holds(const HttpNode& node, const DatanodeWish& wish) {
  return wish.holders == nullptr ||
         std::find(wish.holders->begin(), wish.holders->end(), node.node) != wish.holders->end();
}

}  // namespace

std::vector<std::string> excluded_nodes(std::string_view text) {
  std::vector<std::string> nodes;
  while (!text.empty()) {
    const auto name = trimmed(take_until(text, ','));
    if (!name.empty()) nodes.emplace_back(name);
  }
  return nodes;
}

std::optional<Endpoint> choose_datanode(std::span<const HttpNode> nodes, const Asker& asker,
                                        const DatanodeWish& wish, std::uint64_t random) {
  std::vector<Endpoint> near;
  std::vector<Endpoint> far;
  for (const auto& node : nodes) {
    if (!holds(node, wish)) continue;
    auto address = address_for(node, asker);
    if (!address || is_excluded(node, *address, wish.excluded)) continue;
    (is_near(node, asker) ? near : far).push_back(*std::move(address));
  }
  auto& candidates = near.empty() ? far : near;
  if (candidates.empty()) return std::nullopt;
  return std::move(candidates[random % candidates.size()]);
}

}  // namespace minidfs::http::webhdfs
