#include "http/server_loop.hpp"

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <utility>

#include "http/connection.hpp"

namespace minidfs::http {
namespace {

// Time-outs are noticed so much late at most.
constexpr std::chrono::milliseconds kSweepInterval{250};

// The part of one loop: strangers are connections that have sent no request yet.
net::ConnectionShares::Limits part_of(const ServerOptions& options) {
  const std::size_t loops = std::max(options.threads, 1U);
  net::ConnectionShares::Limits limits;
  limits.strangers = std::max<std::size_t>(options.connections_max / loops / 2, 1);
  limits.members = std::max<std::size_t>(options.connections_max / loops / 2, 1);
  limits.spare_after = std::chrono::milliseconds(0);
  return limits;
}

}  // namespace

ServerLoop::ServerLoop(ServerContext& context)
    : context_(context),
      shares_(part_of(context.options)),
      last_sweep_(Clock::now()),
      work_(asio::make_work_guard(io_)),
      sweeper_(io_) {}

void ServerLoop::adopt(tcp::socket socket) {
  context_.accepted.fetch_add(1, std::memory_order_relaxed);
  asio::post(io_, [this, socket = std::move(socket)]() mutable {
    context_.accepted.fetch_sub(1, std::memory_order_relaxed);
    const auto connection = std::make_shared<Connection>(*this, std::move(socket));
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
  if (!connection.is_local()) {
    const auto most = std::max<std::size_t>(
        context_.options.connections_of_address / std::max(context_.options.threads, 1U), 1);
    auto& count = of_address_[connection.address()];
    if (count == most) return 0;
    ++count;
  }
  const auto number = next_number_++;
  connections_.emplace(number, &connection);
  if (context_.options.connection_changed) context_.options.connection_changed(1);
  if (const auto oldest = shares_.come(number)) close(*oldest);
  if (!sweeping_) {
    sweeping_ = true;
    last_sweep_ = Clock::now();
    schedule_sweep();
  }
  return number;
}

bool ServerLoop::enter(const Connection& connection) {
  const auto idle_since = [this](std::uint64_t number) {
    const auto found = connections_.find(number);
    return found == connections_.end() ? Clock::time_point::max() : found->second->idle_since();
  };
  const auto entry = shares_.enter(connection.number(), net::ConnectionShares::Kind::kClient,
                                   Clock::now(), idle_since);
  if (entry.leaves) close(*entry.leaves);
  return entry.admitted;
}

void ServerLoop::remove(const Connection& connection) {
  if (connection.number() == 0) return;
  shares_.leave(connection.number());
  connections_.erase(connection.number());
  if (context_.options.connection_changed) context_.options.connection_changed(-1);
  const auto found = of_address_.find(connection.address());
  if (found != of_address_.end() && --found->second == 0) of_address_.erase(found);
}

void ServerLoop::close(std::uint64_t connection) {
  const auto found = connections_.find(connection);
  if (found != connections_.end()) found->second->close();
}

void ServerLoop::schedule_sweep() {
  sweeper_.expires_after(kSweepInterval);
  sweeper_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

// A loop without connections does not wake up at all.
void ServerLoop::sweep() {
  const auto now = Clock::now();
  // When this thread itself stood still, nobody else is to blame: all waits begin anew.
  const bool stood_still = now - last_sweep_ > 3 * kSweepInterval;
  last_sweep_ = now;
  for (const auto& [number, connection] : connections_) {
    if (stood_still) connection->excuse(now);
    connection->sweep(now);
  }
  sweeping_ = !connections_.empty();
  if (sweeping_) schedule_sweep();
}

}  // namespace minidfs::http
