#include "net/wait.hpp"

namespace minidfs::net {

asio::awaitable<void> wait(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace minidfs::net
