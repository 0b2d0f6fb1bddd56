// What the programs beside are told of a cluster on their command lines.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "auth/secret_file.hpp"
#include "base/units.hpp"
#include "history/flags.hpp"
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

// Of the flag --secret-file; null without it. Ends the process when there is none in the file.
inline auth::CredentialsPtr credentials(const Flags& flags) {
  const auto path = flags.text("secret-file", "");
  if (path.empty()) return nullptr;
  auto loaded = auth::load_credentials(path);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    std::exit(2);
  }
  return *std::move(loaded);
}

// Whom to ask, by which secret and for how long, in the client library's Options or LinkOptions.
template <class Options>
Options cluster_options(const Flags& flags, std::uint64_t patience_seconds) {
  Options options;
  options.namenodes = endpoints(flags.text("namenodes"));
  options.credentials = credentials(flags);
  options.timeout = std::chrono::seconds(flags.number("patience-seconds", patience_seconds));
  return options;
}

}  // namespace minidfs::history
