// Where others connect to what a role listens on.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "metadata/types.hpp"

namespace minidfs::cli {

// The name of this machine; "localhost" when it has none.
std::string reachable_name();

// Whether an address to listen on stands for every one of this machine.
bool is_everywhere(const std::string& listen);

// As `advertise` says, HOST or HOST:PORT; when it is empty the address that is listened on, or this
// machine's name for one that stands for every address.
Result<metadata::Endpoint> advertised_endpoint(const std::string& advertise,
                                               const std::string& listen, std::uint16_t port);

// Where others reach HTTP that listens on `listen` beside a data port that they reach at `data`.
struct HttpReach {
  metadata::Endpoint address;  // On loopback when no other machine reaches it.
  bool on_loopback = false;    // Processes of this machine reach it there.
};
Result<HttpReach> http_reach(const std::string& listen, std::uint16_t port,
                             const metadata::Endpoint& data);

}  // namespace minidfs::cli
