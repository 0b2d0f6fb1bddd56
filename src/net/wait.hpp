// Waiting for a timer.
#pragma once

#include "net/asio.hpp"

namespace minidfs::net {

// Until it expires, or somebody cancels it, sets it anew or ends it.
asio::awaitable<void> wait(asio::steady_timer& timer);

}  // namespace minidfs::net
