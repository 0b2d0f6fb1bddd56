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

// The part of one loop.
net::ConnectionShares::Limits part_of(const DataServerOptions& options) {
  const std::size_t loops = std::max(options.threads, 1U);
  auto limits = options.shares;
  limits.strangers = std::max<std::size_t>(limits.strangers / loops, 1);
  limits.members = std::max<std::size_t>(limits.members / loops, 1);
  return limits;
}

}  // namespace

ServerLoop::ServerLoop(ServerContext& context)
    : context_(context),
      sweep_interval_(
          std::clamp(context.options.progress_timeout / 6, milliseconds(5), milliseconds(250))),
      keep_alive_interval_(std::min(milliseconds(500), context.options.progress_timeout / 3)),
      shares_(part_of(context.options)),
      last_sweep_(Clock::now()),
      work_(asio::make_work_guard(io_)),
      sweeper_(io_) {}

void ServerLoop::run() { io_.run(); }

void ServerLoop::stop() {
  asio::post(io_, [this] {
    stopping_ = true;
    for (auto* connection : all_connections()) connection->close();
    sweeper_.cancel();
    work_.reset();
  });
}

void ServerLoop::adopt(tcp::socket socket) {
  context_.accepted.fetch_add(1, std::memory_order_relaxed);
  asio::post(io_, [this, socket = std::move(socket)]() mutable {
    context_.accepted.fetch_sub(1, std::memory_order_relaxed);
    if (stopping_) return;
    auto connection = std::make_shared<Connection>(*this, std::move(socket));
    asio::co_spawn(
        io_, [connection] { return connection->run(); }, asio::detached);
  });
}

void ServerLoop::give_way() {
  asio::post(io_, [this] {
    if (const auto stranger = shares_.give_way()) close(*stranger);
  });
}

std::uint64_t ServerLoop::add(Connection& connection) {
  const std::uint64_t number = next_number_++;
  connections_.emplace(number, &connection);
  context_.connections.fetch_add(1, std::memory_order_relaxed);
  if (const auto oldest = shares_.come(number)) close(*oldest);
  if (!sweeping_) {
    sweeping_ = true;
    last_sweep_ = Clock::now();
    schedule_sweep();
  }
  return number;
}

Status ServerLoop::enter(const Connection& connection) {
  const auto idle_since = [this](std::uint64_t number) {
    const auto found = connections_.find(number);
    return found == connections_.end() ? Clock::time_point::max() : found->second->idle_since();
  };
  const auto entry = shares_.enter(connection.number(), net::ConnectionShares::Kind::kClient,
                                   Clock::now(), idle_since);
  if (entry.leaves) close(*entry.leaves);
  if (entry.admitted) return {};
  return Error{Errc::kUnavailable, "too many connections: " + std::to_string(shares_.members()) +
                                       " have work on one thread of this node"};
}

void ServerLoop::remove(std::uint64_t connection) {
  shares_.leave(connection);
  connections_.erase(connection);
  context_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void ServerLoop::close(std::uint64_t connection) {
  if (const auto found = connections_.find(connection); found != connections_.end()) {
    found->second->close();
  }
}

std::vector<Connection*> ServerLoop::all_connections() const {
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& [number, connection] : connections_) all.push_back(connection);
  return all;
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
  for (auto* connection : all_connections()) {
    if (was_stalled) connection->excuse(now);
    connection->sweep(now);
  }
  sweeping_ = !connections_.empty();
  if (sweeping_) schedule_sweep();
}

}  // namespace minidfs::transfer
