// The half of Connection that receives.
#include "transfer/signal.hpp"
// The above comes first: see there.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <limits>

#include "transfer/server_connection.hpp"

namespace minidfs::transfer {
namespace {

// Room for some requests at once; and of a peer that sends more of them at once.
constexpr std::size_t kHeadBytes = 512;
constexpr std::size_t kCrowdedHeadBytes = 4096;

}  // namespace

// Bytes that can be received without waiting.
std::size_t Connection::standing_bytes() {
  int bytes = 0;
  if (closed() || ::ioctl(socket_.native_handle(), FIONREAD, &bytes) != 0) return 0;
  return static_cast<std::size_t>(std::max(bytes, 0));
}

// The peer sends no more than what stands in the kernel.
bool Connection::ended() {
  pollfd entry{socket_.native_handle(), POLLRDHUP, 0};
  return closed() || ::poll(&entry, 1, 0) != 0;
}

// The peer neither sends nor receives any more.
bool Connection::broken() {
  pollfd entry{socket_.native_handle(), 0, 0};
  return !closed() && ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLHUP)) != 0;
}

void Connection::count_received(std::size_t bytes) {
  loop_.context().bytes_received.fetch_add(bytes, std::memory_order_relaxed);
}

// Removes bytes from the kernel without looking at them. REQUIRES: so many stand there.
void Connection::discard(std::size_t bytes) {
  count_received(bytes);
  while (bytes > 0) {
    const ssize_t count = ::recv(socket_.native_handle(), nullptr, bytes, MSG_TRUNC | MSG_DONTWAIT);
    if (count > 0) {
      bytes -= static_cast<std::size_t>(count);
    } else if (count == 0 || errno != EINTR) {
      close();
      return;
    }
  }
}

void Connection::set_low_water(std::size_t bytes) {
  if (bytes == low_water_) return;
  low_water_ = bytes;
  // The kernel takes what it can of it. It is no more than a hint: who waits looks for itself.
  const int value = static_cast<int>(bytes);
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

asio::awaitable<bool> Connection::wait_readable(Wait wait) {
  return wait_readable(wait, limit_of(wait));
}

asio::awaitable<bool> Connection::wait_readable(Wait wait, std::chrono::milliseconds limit) {
  if (greeted_) wait_.begin(wait, Clock::now(), limit);
  boost::system::error_code error;
  co_await socket_.async_wait(tcp::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  if (greeted_) set_wait(Wait::kNothing);
  co_return !error && !closed();
}

asio::awaitable<bool> Connection::fill() {
  const bool crowded = end_ > 0 && end_ == head_.size();
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0) {
    std::memmove(head_.data(), head_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  head_.resize(std::max({crowded ? kCrowdedHeadBytes : kHeadBytes, head_.size(),
                         std::min(wanted_bytes(received()), kControlFrameMax)}));
  for (;;) {
    if (closed()) co_return false;
    const ssize_t count =
        ::recv(socket_.native_handle(), head_.data() + end_, head_.size() - end_, MSG_DONTWAIT);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      count_received(static_cast<std::size_t>(count));
      co_return true;
    }
    if (count == 0) co_return false;
    if (errno == EAGAIN) {
      const bool readable = co_await wait_readable(begin_ == end_ ? Wait::kIdle : Wait::kFrame);
      if (!readable) co_return false;
    } else if (errno != EINTR) {
      co_return false;
    }
  }
}

void Connection::release() {
  if (piece_) {
    const auto left = std::as_bytes(std::span(piece_->bytes()));
    if (begin_ < taken_) {
      spill_.assign(left.begin() + static_cast<std::ptrdiff_t>(begin_),
                    left.begin() + static_cast<std::ptrdiff_t>(taken_));
    } else if (!closed()) {
      discard(begin_ - taken_);
    }
    piece_.reset();
  } else if (!head_.empty()) {
    // The first block follows its request.
    spill_.assign(head_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  head_.begin() + static_cast<std::ptrdiff_t>(end_));
    head_ = {};
  }
  begin_ = end_ = taken_ = 0;
}

// Waits until need.ideal bytes are there, or at least some and the kernel takes no more for now.
asio::awaitable<bool> Connection::wait_for(Input input) {
  release();
  const Need need = input.need;
  bool woken = false;
  for (;;) {
    const std::size_t there = spill_.size() + standing_bytes();
    if (there >= need.ideal || (woken && there > 0)) co_return true;
    if (ended()) co_return spill_.size() + standing_bytes() >= need.least;
    set_low_water(need.ideal - spill_.size());
    if (there > 0 || input.in_block) {
      woken = co_await wait_readable(Wait::kFrame, input.patience);
    } else {
      woken = co_await wait_readable(Wait::kIdle);
    }
    if (!woken) co_return false;
  }
}

// What comes meanwhile concerns only the other thread: this one is not to be woken by it. The
// kernel takes as much of the mark as it would in time give any fast peer room for (tcp_rmem).
std::vector<std::byte> Connection::lend_spill() {
  set_low_water(std::numeric_limits<int>::max());
  return std::exchange(spill_, {});
}

void Connection::take_back(std::vector<std::byte> spill, std::size_t received_bytes,
                           std::span<const std::byte> unsent) {
  spill_ = std::move(spill);
  count_received(received_bytes);
  if (unsent.empty()) return;
  begin_ = static_cast<std::size_t>(unsent.data() - piece_->bytes().data());
  end_ = taken_ = begin_ + unsent.size();
}

asio::awaitable<Status> Connection::take_memory(std::size_t hops, std::size_t bytes) {
  ServerContext& context = loop_.context();
  set_wait(Wait::kMemory);
  const auto limit = context.options.memory_timeout;
  MemoryWait wait(loop_.io().get_executor(), context.memory, hops, bytes, Clock::now() + limit);
  memory_wait_ = &wait;
  piece_ = co_await wait.piece();
  memory_wait_ = nullptr;
  set_wait(Wait::kNothing);
  if (piece_ || closed()) co_return Status();
  co_return Error{Errc::kUnavailable, "this node had no memory to receive for " +
                                          std::to_string(limit.count()) + " ms"};
}

asio::awaitable<Result<bool>> Connection::receive(Input input) {
  const bool there = co_await wait_for(input);
  if (!there) co_return false;
  const Need need = input.need;
  // Of a large frame up to its end and the head of the next one, so that little is copied twice.
  const bool large = need.ideal > kSmallBytes;
  const std::size_t most = large ? need.ideal + kSlicesHeadMax : need.most;
  const std::size_t standing = spill_.size() + standing_bytes();
  const std::size_t size =
      std::max(need.least, std::min({standing, most, ReceiveMemory::kPieceBytesMax}));
  Status taken = co_await take_memory(input.hops, size);
  if (!taken.ok()) co_return std::move(taken).error();
  if (!piece_) co_return false;
  std::copy(spill_.begin(), spill_.end(), piece_->bytes().begin());
  taken_ = end_ = std::exchange(spill_, {}).size();
  if (size > end_) {
    // The whole rest of a large frame will be consumed, and what may be left is no more than a
    // head.
    const bool whole = large && standing >= need.ideal;
    const ssize_t count = ::recv(socket_.native_handle(), piece_->bytes().data() + end_,
                                 size - end_, whole ? MSG_DONTWAIT : MSG_DONTWAIT | MSG_PEEK);
    if (count > 0) end_ += static_cast<std::size_t>(count);
    if (count > 0 && whole) {
      taken_ = end_;
      count_received(static_cast<std::size_t>(count));
    }
  }
  if (end_ >= need.least) co_return true;
  const bool gathered = co_await gather(need.least);
  co_return gathered;
}

// The kernel is too short of memory to hold as much as is needed at once: takes it out as it comes.
// No more than a slice or a head is needed, and a node before this one passes each on whole: it may
// brake between two of them, and no patience with that (Input) is called for here.
asio::awaitable<bool> Connection::gather(std::size_t least) {
  discard(end_ - taken_);
  taken_ = end_;
  const auto deadline = Clock::now() + loop_.context().options.progress_timeout;
  set_low_water(1);
  while (end_ < least) {
    if (closed()) co_return false;
    const ssize_t count =
        ::recv(socket_.native_handle(), piece_->bytes().data() + end_, least - end_, MSG_DONTWAIT);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      taken_ = end_;
      count_received(static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      // Memory is held meanwhile, so this deadline is not moved by single bytes.
      if (Clock::now() >= deadline) co_return false;
      const bool readable = co_await wait_readable(Wait::kFrame);
      if (!readable) co_return false;
    } else if (count == 0 || errno != EINTR) {
      co_return false;
    }
  }
  co_return true;
}

}  // namespace minidfs::transfer
