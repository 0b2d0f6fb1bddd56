// Which datanodes that the namenode takes for live can be reached from here?
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "client/client_context.hpp"

namespace minidfs::client {

// Tries to be greeted by each on its data port, several at a time, each for at most half of
// `within`. Those that have not been tried by then are not among the result.
std::map<NodeId, bool> reach_nodes(ClientContext& context,
                                   const std::vector<metadata::ReplicaLocation>& nodes,
                                   std::chrono::milliseconds within);

}  // namespace minidfs::client
