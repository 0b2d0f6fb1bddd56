#include "client/link/data_plane_options.hpp"

namespace minidfs::client {

Result<transfer::ConnectionOptions> connection_options(NamenodeLink& link,
                                                       std::chrono::milliseconds progress_timeout) {
  transfer::ConnectionOptions options;
  MDFS_TRY(options.cluster, link.cluster());
  options.credentials = link.options().credentials;
  options.connect_timeout = link.options().connect_timeout;
  options.progress_timeout = progress_timeout;
  return options;
}

}  // namespace minidfs::client
