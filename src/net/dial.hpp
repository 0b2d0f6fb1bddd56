// Connecting to a host, whichever of its addresses answers. Blocking, with a deadline. Thread-safe.
#pragma once

#include <span>

#include "base/file.hpp"
#include "net/look_up.hpp"

namespace minidfs::net {

// A non-blocking, connected socket, which sends small messages at once and in time notices a peer
// that has gone without a word. The addresses are tried one after another: the next one as soon
// as one fails, or beside those that have not answered when a part of the time has passed, so that
// each gets its chance before the deadline. The first that accepts wins. Errors name `host`: those
// of look_up(), kTimedOut, kCancelled as there, kUnavailable with the last reason.
Result<UniqueFd> dial(const Host& host, Deadline deadline,
                      const std::atomic<bool>* cancelled = nullptr);
// The same for addresses that are known.
Result<UniqueFd> dial(const Host& host, std::span<const Address> addresses, Deadline deadline,
                      const std::atomic<bool>* cancelled = nullptr);

}  // namespace minidfs::net
