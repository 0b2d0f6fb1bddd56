// How the state of the cluster is shown. Pure functions.
#pragma once

#include <string>

#include "client/cluster_status.hpp"
#include "nlohmann/json_fwd.hpp"

namespace minidfs::cli {

// With every foreign string in it as printable() makes it.
client::ClusterStatus printable(client::ClusterStatus status, bool is_terminal);

std::string status_text(const client::ClusterStatus& status);
nlohmann::json to_json(const client::ClusterStatus& status);

}  // namespace minidfs::cli
