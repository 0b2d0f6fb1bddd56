// A datanode of the client's own process: what is written there goes into its store without a
// connection.
#pragma once

#include "base/ids.hpp"

namespace minidfs::transfer {
class PipelineLeader;
}

namespace minidfs::client {

struct LocalDatanode {
  NodeId node;
  transfer::PipelineLeader* leader = nullptr;  // Outlives the client.
};

}  // namespace minidfs::client
