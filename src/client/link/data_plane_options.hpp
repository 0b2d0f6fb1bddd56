// How a client speaks to the data plane: the cluster it means and the time-outs.
#pragma once

#include <chrono>

#include "base/result.hpp"
#include "client/link/namenode_link.hpp"
#include "transfer/connection_options.hpp"

namespace minidfs::client {

// Asks the namenode for the cluster's id when the link does not know it yet; its errors are those
// of NamenodeLink::cluster().
Result<transfer::ConnectionOptions> connection_options(NamenodeLink& link,
                                                       std::chrono::milliseconds progress_timeout);

}  // namespace minidfs::client
