// How operators name datanodes.
#pragma once

#include <string>

#include "base/result.hpp"
#include "client/cluster_status.hpp"

namespace minidfs::cli {

// The node that `name` stands for: its id, its HOST:PORT, or its host alone (an IPv6 address with
// or without brackets). Of several that have had a name the one that is not dead. kNotFound with
// the names that there are; kInvalidArgument, with their ids, when it is ambiguous all the same.
// Pure.
Result<client::NodeReport> find_node(const client::ClusterStatus& status, const std::string& name);

}  // namespace minidfs::cli
