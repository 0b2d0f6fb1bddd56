// One thread of the data server: an io_context, the connections that live on it, and one timer that
// sweeps over all of them for time-outs and signs of life. Everything but post() and the
// constructor runs on that thread, so nothing here is locked.
#pragma once

#include "transfer/signal.hpp"
// The above comes first: see there.
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/refusal_log.hpp"
#include "transfer/data_server.hpp"
#include "transfer/receive_memory.hpp"

namespace minidfs::transfer {

using asio::ip::tcp;

class Connection;

// What all loops of a server share. The counters are statistics and synchronise nothing.
struct ServerContext {
  ServerContext(const DataServerOptions& server_options, storage::BlockStore& block_store,
                DataServerEvents& server_events)
      : options(server_options),
        store(block_store),
        events(server_events),
        memory(std::make_shared<ReceiveMemory>(std::max<std::size_t>(server_options.threads, 2) *
                                               kMemoryBytesOfThread)) {}

  static constexpr std::size_t kMemoryBytesOfThread = 48ULL << 20;

  const DataServerOptions options;
  storage::BlockStore& store;
  DataServerEvents& events;
  const std::shared_ptr<ReceiveMemory> memory;
  std::atomic<std::uint32_t> active_writes{0};
  std::atomic<std::uint32_t> active_reads{0};
  RefusalLog refusals;
  // See DataServerOptions::block_files_max. What a disk still holds may outlive the server.
  const std::shared_ptr<std::atomic<std::uint32_t>> block_files =
      std::make_shared<std::atomic<std::uint32_t>>(0);
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> accepted{0};  // Sockets on their way to a loop.
  std::atomic<std::uint64_t> bytes_received{0};
  std::atomic<std::uint64_t> bytes_sent{0};
};

// Counts something, such as an operation among the active ones, for as long as it lives.
class CountActive {
 public:
  explicit CountActive(std::atomic<std::uint32_t>& counter) : counter_(counter) {
    counter_.fetch_add(1, std::memory_order_relaxed);
  }
  ~CountActive() { counter_.fetch_sub(1, std::memory_order_relaxed); }
  CountActive(const CountActive&) = delete;
  CountActive& operator=(const CountActive&) = delete;

 private:
  std::atomic<std::uint32_t>& counter_;
};

// Counts the file of a block until it is stored, whether or not its writer stays for that.
class CountFile {
 public:
  explicit CountFile(const ServerContext& context)
      : counter_(context.block_files), count_(*counter_) {}

 private:
  std::shared_ptr<std::atomic<std::uint32_t>> counter_;
  CountActive count_;
};

class ServerLoop : public std::enable_shared_from_this<ServerLoop> {
 public:
  explicit ServerLoop(ServerContext& context);

  void run();
  // From any thread: closes every connection, after which run() returns.
  void stop();
  // From any thread.
  void adopt(tcp::socket socket);
  // From any thread: the process has no descriptor left, so the oldest stranger gives its own.
  void give_way();

  // Called by connections of this loop. Each has a number, which add() gives it.
  std::uint64_t add(Connection& connection);
  // The connection has said, and proven, who it is. kUnavailable when there is no room for it.
  Status enter(const Connection& connection);
  // Its socket is closed. remove() does so as well.
  void leave(std::uint64_t connection) { shares_.leave(connection); }
  void remove(std::uint64_t connection);

  ServerContext& context() { return context_; }
  asio::io_context& io() { return io_; }
  std::chrono::milliseconds keep_alive_interval() const { return keep_alive_interval_; }
  // Time-outs are noticed at sweeps, so up to this much late.
  std::chrono::milliseconds sweep_interval() const { return sweep_interval_; }

 private:
  void schedule_sweep();
  void sweep();
  void close(std::uint64_t connection);
  std::vector<Connection*> all_connections() const;

  // The order matters: io_ is destroyed first and with it the coroutines that use the others.
  ServerContext& context_;
  std::chrono::milliseconds sweep_interval_;
  std::chrono::milliseconds keep_alive_interval_;
  std::unordered_map<std::uint64_t, Connection*> connections_;  // By number.
  std::uint64_t next_number_ = 1;
  net::ConnectionShares shares_;
  bool stopping_ = false;
  bool sweeping_ = false;
  Clock::time_point last_sweep_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweeper_;
};

}  // namespace minidfs::transfer
