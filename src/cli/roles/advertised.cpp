#include "cli/roles/advertised.hpp"

#include "base/machine_name.hpp"
#include "base/units.hpp"

namespace minidfs::cli {

std::string reachable_name() {
  auto name = machine_name();
  return name.empty() ? "localhost" : name;
}

Result<metadata::Endpoint> advertised_endpoint(const std::string& advertise,
                                               const std::string& listen, std::uint16_t port) {
  if (!advertise.empty()) {
    MDFS_TRY(const auto parsed, parse_host_port(advertise, port));
    return metadata::Endpoint{parsed.host, parsed.port};
  }
  const bool everywhere = listen.empty() || listen == "0.0.0.0" || listen == "::";
  return metadata::Endpoint{everywhere ? reachable_name() : listen, port};
}

}  // namespace minidfs::cli
