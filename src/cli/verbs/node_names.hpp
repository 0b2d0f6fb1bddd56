// How operators name datanodes.
#pragma once

#include <string>

#include "base/result.hpp"
#include "client/cluster_status.hpp"

namespace minidfs::cli {

// The node that `name` stands for: its HOST:PORT, its id, or its host alone where that is only one
// node. kNotFound with the names that there are; kInvalidArgument when several match. Pure.
Result<client::NodeReport> find_node(const client::ClusterStatus& status, const std::string& name);

}  // namespace minidfs::cli
