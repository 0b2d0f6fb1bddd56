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

namespace minidfs::net {

namespace asio = boost::asio;

}  // namespace minidfs::net
