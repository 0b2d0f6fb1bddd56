// One thread of the server: an io_context, the connections that live on it, and one timer that
// sweeps over all of them for time-outs. Everything but stop(), adopt() and give_way() runs on that
// thread, so nothing here is locked.
#pragma once

#include "net/asio.hpp"
// The above comes first: see there.
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/routes.hpp"
#include "http/server.hpp"
#include "net/connection_shares.hpp"

namespace minidfs::http {

using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

class Connection;

// What all loops of a server share.
struct ServerContext {
  const ServerOptions options;
  const Routes routes;
  std::atomic<std::uint32_t> accepted{0};  // Sockets on their way to a loop.
};

class ServerLoop {
 public:
  explicit ServerLoop(ServerContext& context);

  void run() { io_.run(); }
  // Any thread. run() returns; what the connections were doing ends with this object.
  void stop() { io_.stop(); }
  // Any thread.
  void adopt(tcp::socket socket);
  // Any thread: the process has no descriptor left, so a connection that has said nothing yet gives
  // its own.
  void give_way();

  // Called by connections of this loop. Each has a number, which add() gives it; 0 when its address
  // has too many already.
  std::uint64_t add(Connection& connection);
  // Its first request has come. False when there is no room for it.
  bool enter(const Connection& connection);
  void remove(const Connection& connection);

  const ServerContext& context() const { return context_; }
  asio::io_context& io() { return io_; }

 private:
  void schedule_sweep();
  void sweep();
  void close(std::uint64_t connection);

  // The order matters: io_ is destroyed first and with it the coroutines that use the others.
  ServerContext& context_;
  std::unordered_map<std::uint64_t, Connection*> connections_;  // By number.
  std::uint64_t next_number_ = 1;
  std::unordered_map<std::string, std::size_t> of_address_;  // Connections of each but loopback.
  net::ConnectionShares shares_;
  bool sweeping_ = false;
  Clock::time_point last_sweep_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweeper_;
};

}  // namespace minidfs::http
