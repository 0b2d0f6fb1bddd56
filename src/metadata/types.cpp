#include "metadata/types.hpp"

#include "base/units.hpp"

namespace minidfs::metadata {

std::string to_string(const Endpoint& endpoint) {
  return format_host_port(endpoint.host, endpoint.port);
}

}  // namespace minidfs::metadata
