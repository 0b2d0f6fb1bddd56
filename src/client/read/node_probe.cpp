#include "transfer/async_replica_client.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <boost/asio/detached.hpp>

#include "client/read/node_probe.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

// Descriptors are bounded, and so is what a network takes at once.
constexpr std::size_t kAtATime = 32;

struct Probing {
  ClientContext& context;
  const std::vector<metadata::ReplicaLocation>& nodes;
  std::chrono::milliseconds patience;
  Clock::time_point last_begin;
  asio::io_context io{1};
  std::size_t next = 0;
  std::map<NodeId, bool> reached{};
};

// One node after another, beside others that do the same.
asio::awaitable<void> probe(Probing& probing) {
  while (probing.next < probing.nodes.size() && Clock::now() < probing.last_begin) {
    const auto& node = probing.nodes[probing.next++];
    auto& replicas = probing.context.replicas;
    const auto options = replicas.options(probing.patience);
    Status opened = options.ok() ? Status() : Status(options.error());
    std::unique_ptr<transfer::AsyncReplicaClient> client;
    if (opened.ok()) {
      client = std::make_unique<transfer::AsyncReplicaClient>(probing.io.get_executor(), node.data,
                                                              *options);
      opened = co_await client->open();
    }
    probing.reached[node.node] = opened.ok();
    if (!opened.ok()) continue;
    client->leave_loop();
    replicas.give_back(node.data, std::move(client));
  }
}

}  // namespace

std::map<NodeId, bool> reach_nodes(ClientContext& context,
                                   const std::vector<metadata::ReplicaLocation>& nodes,
                                   std::chrono::milliseconds within) {
  const auto patience = std::max(within / 2, std::chrono::milliseconds(1));
  Probing probing{context, nodes, patience, Clock::now() + patience};
  // Without descriptors nothing is found out about anybody.
  if (!net::prepare(probing.io).ok()) return {};
  for (std::size_t i = 0; i < std::min(kAtATime, nodes.size()); ++i) {
    asio::co_spawn(probing.io, probe(probing), asio::detached);
  }
  probing.io.run();
  return std::move(probing.reached);
}

}  // namespace minidfs::client
