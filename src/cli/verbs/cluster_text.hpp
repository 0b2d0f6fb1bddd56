// How the state of the cluster is shown. Pure functions.
#pragma once

#include <string>

#include "client/cluster_status.hpp"
#include "nlohmann/json_fwd.hpp"

namespace minidfs::cli {

// With every foreign string in it as printable() makes it.
client::ClusterStatus printable(client::ClusterStatus status, bool is_terminal);

std::string status_text(const client::ClusterStatus& status);

// Lines of it, or parts of some; a line is empty when there is nothing to say.
std::string safe_mode_text(const client::ClusterStatus& status);
// Of the namenode's disk.
std::string silence_text(const client::ClusterStatus& status);
// How long repair will take at the rate of late.
std::string repair_text(const client::BlockCounts& blocks);
// What an operator has decided comes before whether the node lives, but for a death that matters.
std::string shown_state(const client::NodeReport& node);

nlohmann::json to_json(const client::ClusterStatus& status);

}  // namespace minidfs::cli
