// Idle connections to datanodes for reading, kept for the next reader, whatever its loop.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.hpp"
#include "client/idle_pool.hpp"
#include "client/link/namenode_link.hpp"
#include "metadata/types.hpp"
#include "transfer/replica_client.hpp"

namespace minidfs::client {

// For those who block.
struct ReplicaConnection {
  std::unique_ptr<transfer::ReplicaClient> client;
  bool reused = false;  // It stood idle, so its datanode may have gone without our noticing.
};

// Thread-safe.
class ReplicaPool {
 public:
  ReplicaPool(NamenodeLink& link, std::chrono::milliseconds progress_timeout);
  ~ReplicaPool();

  // An idle connection, unless `fresh`, or a new one. `patience` is the longest that a new one may
  // take to connect, and then to be greeted; 0 for the usual time-outs. `loop` is the caller's.
  Result<ReplicaConnection> take(const metadata::Endpoint& datanode, bool fresh,
                                 std::chrono::milliseconds patience,
                                 transfer::ReplicaClient::Loop loop);

  // REQUIRES: every request was received and the connection is usable.
  void give_back(const metadata::Endpoint& datanode, ReplicaConnection connection);

  // The same for those who have a loop, which opens the connections and which they leave and join:
  // an idle connection or null; how a new one is to be opened.
  std::unique_ptr<transfer::AsyncReplicaClient> take_idle(const metadata::Endpoint& datanode);
  Result<transfer::ConnectionOptions> options(std::chrono::milliseconds patience);
  void give_back(const metadata::Endpoint& datanode,
                 std::unique_ptr<transfer::AsyncReplicaClient> client);

 private:
  NamenodeLink& link_;
  std::chrono::milliseconds progress_timeout_;
  // On no loop.
  IdlePool<metadata::Endpoint, std::unique_ptr<transfer::AsyncReplicaClient>> idle_;
};

}  // namespace minidfs::client
