// What every user of Asio's coroutines includes, and first: Asio of Boost 1.74 uses std::exchange
// without including <utility>.
#pragma once

// clang-format off
#include <utility>
// clang-format on

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstring>
#include <string>

#include "base/result.hpp"

namespace minidfs {

namespace asio = boost::asio;

}  // namespace minidfs

namespace minidfs::net {

// Takes the descriptors that a loop needs, for want of which the first timer or socket on it would
// throw. kUnavailable when there are none.
inline Status prepare(asio::io_context& io) {
  try {
    const asio::steady_timer first(io);
    return {};
  } catch (const boost::system::system_error& error) {
    return Error{Errc::kUnavailable,
                 std::string("no event loop: ") + std::strerror(error.code().value())};
  }
}

}  // namespace minidfs::net
