#include "cli/roles/advertised.hpp"

#include "base/machine_name.hpp"
#include "base/units.hpp"
#include "cli/roles/role_admission.hpp"

namespace minidfs::cli {

std::string reachable_name() {
  auto name = machine_name();
  return name.empty() ? "localhost" : name;
}

bool is_everywhere(const std::string& listen) {
  return listen.empty() || listen == "0.0.0.0" || listen == "::";
}

Result<metadata::Endpoint> advertised_endpoint(const std::string& advertise,
                                               const std::string& listen, std::uint16_t port) {
  if (!advertise.empty()) {
    MDFS_TRY(const auto parsed, parse_host_port(advertise, port));
    return metadata::Endpoint{parsed.host, parsed.port};
  }
  return metadata::Endpoint{is_everywhere(listen) ? reachable_name() : listen, port};
}

Result<HttpReach> http_reach(const std::string& listen, std::uint16_t port,
                             const metadata::Endpoint& data) {
  MDFS_TRY(const bool local, is_local(listen));
  if (local) return HttpReach{{listen, port}, true};
  if (is_everywhere(listen)) return HttpReach{{data.host, port}, true};
  // Only the data port may be there for this machine alone. A name that cannot be looked up here is
  // for others.
  const auto data_local = is_local(data.host);
  const bool apart = data_local.ok() && *data_local;
  return HttpReach{{apart ? listen : data.host, port}, false};
}

}  // namespace minidfs::cli
