// Which host names lead whoever looks them up to itself. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "actors/join_rules.hpp"

namespace minidfs::actors {

// Tells `done`, once, which hosts of these addresses (HOST:PORT) have loopback addresses only: at
// once when none of them has to be looked up, else later on another thread. There is no way to
// cancel it: whoever waits gives up by itself. What cannot be resolved is not among them, nor is
// `except`, by whatever domain: many systems lead a machine's own name to a loopback address there
// (127.0.1.1), and nowhere else. Empty: no exception.
void find_local_hosts(const std::vector<std::string>& addresses, const std::string& except,
                      std::function<void(LocalHosts)> done);

}  // namespace minidfs::actors
