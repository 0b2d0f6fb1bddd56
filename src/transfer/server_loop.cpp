#include "transfer/server_loop.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "transfer/server_connection.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;

}  // namespace

ServerLoop::ServerLoop(ServerContext& context)
    : context_(context),
      sweep_interval_(
          std::clamp(context.options.progress_timeout / 6, milliseconds(5), milliseconds(250))),
      keep_alive_interval_(std::min(milliseconds(500), context.options.progress_timeout / 3)),
      last_sweep_(Clock::now()),
      work_(asio::make_work_guard(io_)),
      sweeper_(io_) {}

void ServerLoop::run() { io_.run(); }

void ServerLoop::stop() {
  asio::post(io_, [this] {
    stopping_ = true;
    const std::vector<Connection*> all(connections_.begin(), connections_.end());
    for (auto* connection : all) connection->close();
    sweeper_.cancel();
    work_.reset();
  });
}

void ServerLoop::adopt(tcp::socket socket) {
  asio::post(io_, [this, socket = std::move(socket)]() mutable {
    if (stopping_) return;
    auto connection = std::make_shared<Connection>(*this, std::move(socket));
    asio::co_spawn(
        io_, [connection] { return connection->run(); }, asio::detached);
  });
}

void ServerLoop::add(Connection& connection) {
  connections_.insert(&connection);
  context_.connections.fetch_add(1, std::memory_order_relaxed);
  if (!sweeping_) {
    sweeping_ = true;
    last_sweep_ = Clock::now();
    schedule_sweep();
  }
}

void ServerLoop::remove(Connection& connection) {
  connections_.erase(&connection);
  context_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void ServerLoop::schedule_sweep() {
  sweeper_.expires_after(sweep_interval_);
  sweeper_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopping_) sweep();
  });
}

// A loop without connections does not wake up at all.
void ServerLoop::sweep() {
  const auto now = Clock::now();
  // When this thread itself stood still, nobody else is to blame: all waits begin anew.
  const bool was_stalled = now - last_sweep_ > sweep_interval_ * 3;
  last_sweep_ = now;
  context_.memory->expire(now);
  const std::vector<Connection*> all(connections_.begin(), connections_.end());
  for (auto* connection : all) {
    if (was_stalled) connection->excuse(now);
    connection->sweep(now);
  }
  sweeping_ = !connections_.empty();
  if (sweeping_) schedule_sweep();
}

}  // namespace minidfs::transfer
