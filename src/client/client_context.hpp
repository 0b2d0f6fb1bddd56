// What every reader and writer of one FileSystem shares. Owned by the FileSystem; outlives them.
#pragma once

#include <atomic>
#include <string>

#include "client/file_system.hpp"
#include "client/link/namenode_link.hpp"
#include "client/node_health.hpp"
#include "client/read/replica_pool.hpp"
#include "client/write/pipeline_pool.hpp"

namespace minidfs::client {

struct ClientContext {
  explicit ClientContext(Options client_options);

  Options options;
  std::string host;  // This machine's name, for placement and the order of replicas.
  NamenodeLink link;
  PipelinePool pipelines;
  ReplicaPool replicas;
  NodeHealth health;
  std::atomic<int> hedges{0};  // Second requests under way; see BlockReader.
};

// The error with `path` in front, unless it stands in it already.
Error with_path(Error error, const std::string& path);

}  // namespace minidfs::client
