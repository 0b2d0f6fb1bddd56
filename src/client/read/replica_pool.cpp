#include "client/read/replica_pool.hpp"

#include <algorithm>
#include <iterator>

#include "client/link/data_plane_options.hpp"

namespace minidfs::client {

Result<ReplicaConnection> ReplicaPool::take(const metadata::Endpoint& datanode, bool fresh,
                                            std::chrono::milliseconds patience) {
  if (!fresh) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                    [&](const auto& idle) { return idle.first == datanode; });
    if (found != idle_.rend()) {
      ReplicaConnection connection = std::move(found->second);
      idle_.erase(std::prev(found.base()));
      connection.reused = true;
      return connection;
    }
  }
  MDFS_TRY(auto options, connection_options(link_, progress_timeout_));
  if (patience.count() > 0) {
    options.connect_timeout = std::min(options.connect_timeout, patience);
    options.handshake_timeout = std::min(options.progress_timeout, patience);
  }
  MDFS_TRY(auto client, transfer::ReplicaClient::open(datanode, options));
  return ReplicaConnection{std::move(client), false};
}

void ReplicaPool::give_back(const metadata::Endpoint& datanode, ReplicaConnection connection) {
  ReplicaConnection dropped;  // Declared before the lock: closed without it.
  const std::lock_guard lock(mutex_);
  idle_.emplace_back(datanode, std::move(connection));
  if (idle_.size() > kIdleMax) {
    dropped = std::move(idle_.front().second);
    idle_.pop_front();
  }
}

}  // namespace minidfs::client
