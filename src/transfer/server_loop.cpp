#include "transfer/server_loop.hpp"

#include <algorithm>
#include <bit>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "transfer/server_connection.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSmallestBuffer = 64 * 1024;
constexpr std::size_t kBufferSlack = 4096;

}  // namespace

asio::awaitable<void> Signal::wait() {
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

std::size_t BufferPool::class_bytes(std::size_t index) {
  return (kSmallestBuffer << index) + kBufferSlack;
}

std::size_t BufferPool::class_of(std::size_t bytes) {
  std::size_t index = 0;
  while (class_bytes(index) < bytes) ++index;
  MDFS_ASSERT(index < kClasses);
  return index;
}

asio::awaitable<Buffer> BufferPool::take(std::size_t bytes) {
  const std::size_t index = class_of(bytes);
  const std::size_t capacity = class_bytes(index);
  if (!waiting_.empty() || used_bytes_ + capacity > kBudgetBytes) {
    auto signal = std::make_shared<Signal>(io_);
    waiting_.push_back(signal);
    do {
      co_await signal->wait();
    } while (waiting_.front() != signal || used_bytes_ + capacity > kBudgetBytes);
    waiting_.pop_front();
    if (!waiting_.empty()) waiting_.front()->notify();
  }
  used_bytes_ += capacity;
  if (!free_[index].empty()) {
    Buffer buffer = std::move(free_[index].back());
    free_[index].pop_back();
    free_bytes_ -= capacity;
    co_return buffer;
  }
  co_return Buffer{std::unique_ptr<std::byte[]>(new std::byte[capacity]), capacity};
}

void BufferPool::give_back(Buffer buffer) {
  if (!buffer.bytes) return;
  used_bytes_ -= buffer.capacity;
  if (free_bytes_ + buffer.capacity <= kKeptBytes) {
    free_bytes_ += buffer.capacity;
    const std::size_t index = class_of(buffer.capacity);
    free_[index].push_back(std::move(buffer));
  }
  if (!waiting_.empty()) waiting_.front()->notify();
}

ServerLoop::ServerLoop(ServerContext& context)
    : context_(context),
      sweep_interval_(
          std::clamp(context.options.progress_timeout / 6, milliseconds(5), milliseconds(250))),
      keep_alive_interval_(std::min(milliseconds(500), context.options.progress_timeout / 3)),
      last_sweep_(Clock::now()),
      pool_(io_),
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
  const std::vector<Connection*> all(connections_.begin(), connections_.end());
  for (auto* connection : all) {
    if (was_stalled) connection->excuse(now);
    connection->sweep(now);
  }
  sweeping_ = !connections_.empty();
  if (sweeping_) schedule_sweep();
}

}  // namespace minidfs::transfer
