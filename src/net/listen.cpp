#include "net/listen.hpp"

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace minidfs::net {
namespace {

// The kernel cuts it at its own limit. What does not fit is let in a second later, by a retry.
constexpr int kBacklog = 4096;
// A port that the system chose for one address may be taken on another.
constexpr int kPortTries = 16;

struct Bound {
  UniqueFd fd;
  int error = 0;
};

Bound bind_one(const Address& address) {
  Bound bound{UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
              0};
  if (!bound.fd) return {UniqueFd(), errno};
  const int on = 1;
  ::setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Each family by itself, whatever the system's default: its addresses are listed separately.
  if (address.family() == AF_INET6) {
    ::setsockopt(bound.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(bound.fd.get(), address.get(), address.size) != 0) return {UniqueFd(), errno};
  return bound;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

// That the machine has no such address or family, rather than that somebody else has it.
bool is_missing(int error) {
  return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
}

// 0, or the errno of the first address that fails for another reason than is_missing().
int bind_all(const std::vector<Address>& addresses, Listening& listening) {
  listening.sockets.clear();
  int missing = EADDRNOTAVAIL;
  for (Address address : addresses) {
    if (listening.port != 0) address.set_port(listening.port);
    auto bound = bind_one(address);
    if (bound.error == 0) {
      listening.port = port_of(bound.fd.get());
      listening.sockets.push_back(std::move(bound.fd));
    } else if (is_missing(bound.error)) {
      missing = bound.error;
    } else {
      return bound.error;
    }
  }
  return listening.sockets.empty() ? missing : 0;
}

Error failed(int error, const Host& host) {
  if (error == EADDRINUSE) {
    return {Errc::kInUse, to_string(host) + ": the address is in use by another process"};
  }
  return errno_error(error, to_string(host) + ": cannot listen");
}

}  // namespace

Result<Listening> hold_port(const Host& host, Deadline deadline) {
  MDFS_TRY(const auto addresses, look_up(host, deadline));
  int error = 0;
  for (int tries = host.port == 0 ? kPortTries : 1; tries > 0; --tries) {
    Listening listening;
    listening.port = host.port;
    error = bind_all(addresses, listening);
    if (error == 0) return listening;
    if (error != EADDRINUSE) break;
  }
  return failed(error, host);
}

Status start_listening(const Listening& listening, const Host& host) {
  for (const auto& socket : listening.sockets) {
    if (::listen(socket.get(), kBacklog) != 0) return failed(errno, host);
  }
  return {};
}

Result<Listening> listen_on(const Host& host, Deadline deadline) {
  MDFS_TRY(auto listening, hold_port(host, deadline));
  MDFS_CHECK(start_listening(listening, host));
  return listening;
}

}  // namespace minidfs::net
