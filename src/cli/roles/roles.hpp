// The roles that a minidfs process can take. Each function runs until SIGTERM or SIGINT and returns
// the exit code of the process; logging has been started and the configuration checked.
#pragma once

#include "base/config.hpp"

namespace minidfs::cli {

int run_namenode(const Config& config);
int run_datanode(const Config& config);
// HTTP for the cluster of `client.namenode`.
int run_gateway(const Config& config);

// A namenode and `local.datanodes` datanodes in this process.
int run_local(const Config& config);

}  // namespace minidfs::cli
