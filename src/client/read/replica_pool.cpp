#include "transfer/async_replica_client.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <iterator>

#include "client/link/data_plane_options.hpp"
#include "client/read/replica_pool.hpp"

namespace minidfs::client {

ReplicaPool::ReplicaPool(NamenodeLink& link, std::chrono::milliseconds progress_timeout)
    : link_(link), progress_timeout_(progress_timeout) {}

ReplicaPool::~ReplicaPool() = default;

Result<ReplicaConnection> ReplicaPool::take(const metadata::Endpoint& datanode, bool fresh,
                                            std::chrono::milliseconds patience) {
  if (auto idle = fresh ? nullptr : take_idle(datanode)) {
    return ReplicaConnection{std::make_unique<transfer::ReplicaClient>(std::move(idle)), true};
  }
  MDFS_TRY(const auto how, options(patience));
  MDFS_TRY(auto client, transfer::ReplicaClient::open(datanode, how));
  return ReplicaConnection{std::move(client), false};
}

void ReplicaPool::give_back(const metadata::Endpoint& datanode, ReplicaConnection connection) {
  give_back(datanode, transfer::ReplicaClient::release(std::move(connection.client)));
}

std::unique_ptr<transfer::AsyncReplicaClient> ReplicaPool::take_idle(
    const metadata::Endpoint& datanode) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                  [&](const auto& idle) { return idle.first == datanode; });
  if (found == idle_.rend()) return nullptr;
  auto client = std::move(found->second);
  idle_.erase(std::prev(found.base()));
  return client;
}

Result<transfer::ConnectionOptions> ReplicaPool::options(std::chrono::milliseconds patience) {
  MDFS_TRY(auto options, connection_options(link_, progress_timeout_));
  if (patience.count() > 0) {
    options.connect_timeout = std::min(options.connect_timeout, patience);
    options.handshake_timeout = std::min(options.progress_timeout, patience);
  }
  return options;
}

void ReplicaPool::give_back(const metadata::Endpoint& datanode,
                            std::unique_ptr<transfer::AsyncReplicaClient> client) {
  std::unique_ptr<transfer::AsyncReplicaClient> dropped;  // Closed without the lock.
  const std::lock_guard lock(mutex_);
  idle_.emplace_back(datanode, std::move(client));
  if (idle_.size() > kIdleMax) {
    dropped = std::move(idle_.front().second);
    idle_.pop_front();
  }
}

}  // namespace minidfs::client
