// How operators name datanodes.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "client/cluster_status.hpp"

namespace minidfs::cli {

// The node that `name` stands for: its id, its HOST:PORT, or its host alone (an IPv6 address with
// or without brackets). Of several that have had a name the one that is `meant`. kNotFound with the
// names that there are; kInvalidArgument, with their ids, when it is ambiguous all the same. Pure.
enum class Meant : std::uint8_t { kAlive, kDead };
Result<client::NodeReport> find_node(const client::ClusterStatus& status, const std::string& name,
                                     Meant meant = Meant::kAlive);

}  // namespace minidfs::cli
