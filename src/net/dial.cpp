#include "net/dial.hpp"

#include <vector>

#include "net/blocking_loop.hpp"
#include "net/dialer.hpp"

namespace minidfs::net {

Result<UniqueFd> dial(const Host& host, std::span<const Address> addresses, Deadline deadline,
                      const std::atomic<bool>* cancelled) {
  MDFS_TRY(const auto loop, BlockingLoop::make(cancelled));
  Dialer dialer(loop->executor());
  return loop->run(dialer, dialer.connect(host, {addresses.begin(), addresses.end()}, deadline));
}

Result<UniqueFd> dial(const Host& host, Deadline deadline, const std::atomic<bool>* cancelled) {
  MDFS_TRY(const auto loop, BlockingLoop::make(cancelled));
  Dialer dialer(loop->executor());
  return loop->run(dialer, dialer.connect(host, deadline));
}

}  // namespace minidfs::net
