// Idle connections to datanodes for reading, kept for the next reader.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.hpp"
#include "client/link/namenode_link.hpp"
#include "metadata/types.hpp"
#include "transfer/replica_client.hpp"

namespace minidfs::client {

struct ReplicaConnection {
  std::unique_ptr<transfer::ReplicaClient> client;
  bool reused = false;  // It stood idle, so its datanode may have gone without our noticing.
};

// Thread-safe.
class ReplicaPool {
 public:
  ReplicaPool(NamenodeLink& link, std::chrono::milliseconds progress_timeout)
      : link_(link), progress_timeout_(progress_timeout) {}

  // An idle connection, unless `fresh`, or a new one. `patience` is the longest that a new one may
  // take to connect, and then to be greeted; 0 for the usual time-outs.
  Result<ReplicaConnection> take(const metadata::Endpoint& datanode, bool fresh = false,
                                 std::chrono::milliseconds patience = {});

  // REQUIRES: every request was received and the connection is usable.
  void give_back(const metadata::Endpoint& datanode, ReplicaConnection connection);

 private:
  static constexpr std::size_t kIdleMax = 16;

  NamenodeLink& link_;
  std::chrono::milliseconds progress_timeout_;
  std::mutex mutex_;
  std::deque<std::pair<metadata::Endpoint, ReplicaConnection>> idle_;
};

}  // namespace minidfs::client
