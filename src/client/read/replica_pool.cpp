#include "transfer/async_replica_client.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>

#include "client/link/data_plane_options.hpp"
#include "client/read/replica_pool.hpp"

namespace minidfs::client {
namespace {

constexpr std::size_t kIdleMax = 16;

}  // namespace

ReplicaPool::ReplicaPool(NamenodeLink& link, std::chrono::milliseconds progress_timeout)
    : link_(link), progress_timeout_(progress_timeout), idle_(kIdleMax) {}

ReplicaPool::~ReplicaPool() = default;

Result<ReplicaConnection> ReplicaPool::take(const metadata::Endpoint& datanode, bool fresh,
                                            std::chrono::milliseconds patience,
                                            transfer::ReplicaClient::Loop loop) {
  if (auto idle = fresh ? nullptr : take_idle(datanode)) {
    MDFS_TRY(auto client, transfer::ReplicaClient::adopt(std::move(idle), std::move(loop)));
    return ReplicaConnection{std::move(client), true};
  }
  MDFS_TRY(const auto how, options(patience));
  MDFS_TRY(auto client, transfer::ReplicaClient::open(datanode, how, std::move(loop)));
  return ReplicaConnection{std::move(client), false};
}

void ReplicaPool::give_back(const metadata::Endpoint& datanode, ReplicaConnection connection) {
  give_back(datanode, transfer::ReplicaClient::release(std::move(connection.client)));
}

std::unique_ptr<transfer::AsyncReplicaClient> ReplicaPool::take_idle(
    const metadata::Endpoint& datanode) {
  return idle_.take(datanode).value_or(nullptr);
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
  idle_.give_back(datanode, std::move(client));
}

}  // namespace minidfs::client
