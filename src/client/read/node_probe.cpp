#include "client/read/node_probe.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace minidfs::client {
namespace {

// Waiting for a node that does not answer takes no processor.
constexpr std::size_t kThreadsMax = 32;

}  // namespace

std::set<NodeId> unreachable_nodes(ClientContext& context,
                                   const std::vector<metadata::ReplicaLocation>& nodes,
                                   std::chrono::milliseconds within) {
  const auto patience = std::max(within / 2, std::chrono::milliseconds(1));
  const auto last_begin = std::chrono::steady_clock::now() + patience;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::set<NodeId> unreachable;
  const auto work = [&] {
    for (auto i = next++; i < nodes.size(); i = next++) {
      if (std::chrono::steady_clock::now() >= last_begin) return;
      const auto& node = nodes[i];
      auto connection = context.replicas.take(node.data, true, patience);
      if (connection.ok()) {
        context.replicas.give_back(node.data, std::move(*connection));
        continue;
      }
      const std::lock_guard lock(mutex);
      unreachable.insert(node.node);
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(kThreadsMax, nodes.size()); ++i) others.emplace_back(work);
  work();
  others.clear();
  return unreachable;
}

}  // namespace minidfs::client
