// Host names to addresses, by the system's resolver but never for longer than a deadline: a look-up
// that hangs is left behind on a helper thread of its own. Thread-safe.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace minidfs::net {

using Deadline = std::chrono::steady_clock::time_point;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  int family() const { return bytes.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  void set_port(std::uint16_t port);
  // Of this machine, and reached by its own processes only.
  bool is_loopback() const;
};

struct Host {
  std::string name;  // Or a numeric address; empty: any address, to listen on.
  std::uint16_t port = 0;
};
// "host:port", with brackets around an IPv6 address.
std::string to_string(const Host& host);

// At least one address, in the order in which they should be tried. Errors: kUnavailable for a name
// that has none, or when too many look-ups of this process hang.
using Addresses = Result<std::vector<Address>>;

// Gives `done` the addresses, at once when the name is numeric, otherwise later from a thread that
// then ends. There is no way to cancel it: whoever waits gives up by itself.
void start_look_up(const Host& host, std::function<void(Addresses)> done);

// Waits for them: kTimedOut at the deadline, kCancelled within a tenth of a second after
// `cancelled` (which may be null) was set.
Addresses look_up(const Host& host, Deadline deadline,
                  const std::atomic<bool>* cancelled = nullptr);

}  // namespace minidfs::net
