// What every reader and writer of one client shares. Owned by a FileSystem, or by whoever reads and
// writes on a loop of their own (client/async); outlives them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/file_system.hpp"
#include "client/http_nodes.hpp"
#include "client/idle_pool.hpp"
#include "client/link/namenode_link.hpp"
#include "client/node_health.hpp"
#include "client/read/local_output.hpp"
#include "client/read/replica_pool.hpp"

namespace minidfs::transfer {
class BlockPipeline;
}

namespace minidfs::client {

class SessionState;  // See write/session_state.hpp.
class SmallUploads;  // See async/small_uploads.hpp.

// The write sessions that have not ended, for the one who ends them all.
struct OpenSessions {
  std::mutex mutex;
  bool closed = false;  // No further one may begin.
  std::vector<std::weak_ptr<SessionState>> states;
};

struct ClientContext {
  // kInvalidArgument when the options are of no use.
  static Result<std::unique_ptr<ClientContext>> make(Options options);
  explicit ClientContext(Options client_options);
  ~ClientContext();

  Options options;
  // For placement and the order of replicas, as in actors::LocateRequest::reader_host.
  std::string host;
  // Connections to write pipelines, by the datanodes that they lead through. On no loop.
  IdlePool<std::vector<metadata::Endpoint>, std::unique_ptr<transfer::BlockPipeline>>
      idle_pipelines;
  ReplicaPool replicas;
  NodeHealth health;
  OpenSessions sessions;
  HiddenNames outputs;
  HttpNodes http_nodes;
  std::atomic<int> hedges{0};                         // Second requests under way; see BlockReader.
  std::atomic<bool> told_of_reading_for_sums{false};  // See FileSumming.
  const std::shared_ptr<SmallUploads> small_uploads;
  // The last one, so that it ends first: what it calls back then may use the others.
  NamenodeLink link;
};

// Whether the error begins with the path, as those of the namenode do.
bool names(const Error& error, const std::string& path);
// The error with `path` in front, unless it names it already or the path is empty.
Error with_path(Error error, const std::string& path);

}  // namespace minidfs::client
