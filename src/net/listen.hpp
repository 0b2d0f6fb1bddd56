// Listening on every address of a host name, of both families.
#pragma once

#include "base/file.hpp"
#include "net/look_up.hpp"

namespace minidfs::net {

struct Listening {
  std::vector<UniqueFd> sockets;  // Non-blocking; one for each address.
  std::uint16_t port = 0;
};

// An empty name is every address of this machine, "::" only those of IPv6. All sockets have the
// same port, also when host.port is 0 and the system chooses it. Addresses that this machine does
// not have or support are left out as long as another one works. Errors name `host`: kInUse,
// kPermissionDenied, kUnavailable, those of look_up().
Result<Listening> listen_on(const Host& host, Deadline deadline);

// In two steps, for a port that is to be known before anybody is let in: who connects in between is
// refused, and no other process that lets the system choose gets the same one.
Result<Listening> hold_port(const Host& host, Deadline deadline);
Status start_listening(const Listening& listening, const Host& host);

}  // namespace minidfs::net
