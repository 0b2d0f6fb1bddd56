// One thread of the data server: an io_context, the connections that live on it, their receive
// buffers, and one timer that sweeps over all of them for time-outs and signs of life. Everything
// but post() and the constructor runs on that thread, so nothing here is locked.
#pragma once

// Asio of Boost 1.74 uses std::exchange without including this.
// clang-format off
#include <utility>
// clang-format on

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "transfer/data_server.hpp"

namespace minidfs::transfer {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

class Connection;

// What all loops of a server share. The counters are statistics and synchronise nothing.
struct ServerContext {
  ServerContext(const DataServerOptions& server_options, storage::BlockStore& block_store,
                DataServerEvents& server_events)
      : options(server_options), store(block_store), events(server_events) {}

  const DataServerOptions options;
  storage::BlockStore& store;
  DataServerEvents& events;
  std::atomic<std::uint32_t> active_writes{0};
  std::atomic<std::uint32_t> active_reads{0};
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint64_t> bytes_received{0};
  std::atomic<std::uint64_t> bytes_sent{0};
};

// Counts an operation among the active ones for as long as it lives.
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

// Lets one coroutine sleep until another handler of the same thread has changed something. The
// sleeper checks its condition before and after.
class Signal {
 public:
  explicit Signal(asio::io_context& io) : timer_(io, Clock::time_point::max()) {}
  asio::awaitable<void> wait();
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

// Memory for what a connection receives. Taken when bytes arrive, returned when they are consumed,
// so an idle connection has none.
struct Buffer {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t capacity = 0;
};

class BufferPool {
 public:
  explicit BufferPool(asio::io_context& io) : io_(io) {}

  // A buffer of at least `bytes`. Waits, first come first served, while the loop's share is used
  // up.
  asio::awaitable<Buffer> take(std::size_t bytes);
  void give_back(Buffer buffer);

 private:
  // Of 64 KiB, 128 KiB, ... 1 MiB, each with room for the head of a frame.
  static constexpr std::size_t kClasses = 5;
  static constexpr std::size_t kBudgetBytes = 48ULL << 20;
  static constexpr std::size_t kKeptBytes = 2ULL << 20;

  static std::size_t class_of(std::size_t bytes);
  static std::size_t class_bytes(std::size_t index);

  asio::io_context& io_;
  std::array<std::vector<Buffer>, kClasses> free_;
  std::size_t free_bytes_ = 0;
  std::size_t used_bytes_ = 0;
  std::deque<std::shared_ptr<Signal>> waiting_;
};

class ServerLoop : public std::enable_shared_from_this<ServerLoop> {
 public:
  explicit ServerLoop(ServerContext& context);

  void run();
  // From any thread: closes every connection, after which run() returns.
  void stop();
  // From any thread.
  void adopt(tcp::socket socket);

  // Called by connections of this loop.
  void add(Connection& connection);
  void remove(Connection& connection);

  ServerContext& context() { return context_; }
  asio::io_context& io() { return io_; }
  BufferPool& pool() { return pool_; }
  std::chrono::milliseconds keep_alive_interval() const { return keep_alive_interval_; }
  // Time-outs are noticed at sweeps, so up to this much late.
  std::chrono::milliseconds sweep_interval() const { return sweep_interval_; }

 private:
  void schedule_sweep();
  void sweep();

  // The order matters: io_ is destroyed first and with it the coroutines that use the others.
  ServerContext& context_;
  std::chrono::milliseconds sweep_interval_;
  std::chrono::milliseconds keep_alive_interval_;
  std::unordered_set<Connection*> connections_;
  bool stopping_ = false;
  bool sweeping_ = false;
  Clock::time_point last_sweep_;
  BufferPool pool_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweeper_;
};

}  // namespace minidfs::transfer
