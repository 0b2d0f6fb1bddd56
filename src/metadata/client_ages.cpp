#include "metadata/client_ages.hpp"

#include <algorithm>

#include "metadata/namespace_times.hpp"

namespace minidfs::metadata {

bool may_be_forgotten(ClientId unknown, std::int64_t cluster_ms, std::int64_t forgotten_ms) {
  const std::int64_t birth = birth_of(unknown);
  return birth <= forgotten_ms || birth > cluster_ms;
}

void ClientAges::restore(ClientId client, std::int64_t seen_ms) {
  seen_[client] = seen_ms;
  by_seen_.emplace(seen_ms, client);
}

bool ClientAges::may_be_forgotten(ClientId client, std::int64_t cluster_ms) const {
  return !is_known(client) && metadata::may_be_forgotten(client, cluster_ms, forgotten_ms_);
}

std::vector<ClientId> ClientAges::seen(ClientId client, std::int64_t cluster_ms) {
  const auto [seen, is_new] = seen_.try_emplace(client, cluster_ms);
  if (!is_new) {
    if (seen->second == cluster_ms) return {};
    by_seen_.erase({seen->second, client});
    seen->second = cluster_ms;
  }
  by_seen_.emplace(cluster_ms, client);
  std::vector<ClientId> forgotten;
  while (seen_.size() > options_.clients_max ||
         by_seen_.begin()->first < cluster_ms - options_.idle_ms) {
    // The oldest is never `client` itself but when all have the same time; then it is a new client
    // that takes the place of another one.
    auto oldest = by_seen_.begin();
    if (oldest->second == client) ++oldest;
    forgotten.push_back(oldest->second);
    forgotten_ms_ = std::max(forgotten_ms_, oldest->first);
    seen_.erase(oldest->second);
    by_seen_.erase(oldest);
  }
  return forgotten;
}

}  // namespace minidfs::metadata
