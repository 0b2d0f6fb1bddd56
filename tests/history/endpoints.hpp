// The addresses of namenodes on a command line of the programs beside.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "metadata/types.hpp"

namespace minidfs::history {

// "HOST:PORT[,…]". Ends the process for what is none.
inline std::vector<metadata::Endpoint> endpoints(const std::string& text) {
  std::vector<metadata::Endpoint> endpoints;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    auto address = parse_host_port(text.substr(at, comma - at), 8020);
    if (!address.ok()) {
      std::fprintf(stderr, "%s\n", address.error().message.c_str());
      std::exit(2);
    }
    endpoints.push_back({std::move(address->host), address->port});
    at = comma + 1;
  }
  return endpoints;
}

}  // namespace minidfs::history
