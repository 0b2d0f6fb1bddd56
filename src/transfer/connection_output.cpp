// The half of Connection that sends: answers as the socket takes them, and the last word of a
// connection that failed.
#include "transfer/signal.hpp"
// The above comes first: see there.
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "transfer/block_receiver.hpp"
#include "transfer/server_connection.hpp"

namespace minidfs::transfer {
namespace {

// What a refused peer may still send while it has not seen the refusal.
constexpr std::size_t kDiscardBytesMax = 8 * 1024 * 1024;

}  // namespace

// The peer may be in the middle of sending: closing at once would make its kernel throw away the
// reason before the peer has read it.
asio::awaitable<void> Connection::fail(Error error) {
  append_frame(out_, FrameType::kFailure, wire_status(error));
  const bool drained = co_await drain();
  if (!drained) co_return;
  boost::system::error_code failed;
  socket_.shutdown(tcp::socket::shutdown_send, failed);
  set_low_water(1);
  const auto deadline = Clock::now() + loop_.context().options.progress_timeout;
  std::size_t discarded = 0;
  while (!failed && discarded < kDiscardBytesMax && Clock::now() < deadline) {
    const bool readable = co_await wait_readable(Wait::kFrame);
    const std::size_t standing = readable ? standing_bytes() : 0;
    if (standing == 0) break;
    discard(standing);
    discarded += standing;
  }
  close();
}

asio::awaitable<bool> Connection::wait_writable() {
  set_wait(Wait::kOutput);
  boost::system::error_code error;
  co_await socket_.async_wait(tcp::socket::wait_write,
                              asio::redirect_error(asio::use_awaitable, error));
  set_wait(Wait::kNothing);
  co_return !error && !closed();
}

asio::awaitable<bool> Connection::drain(bool more) {
  while (out_bytes() > 0) {
    if (closed()) co_return false;
    const ssize_t count = ::send(socket_.native_handle(), out_.data() + out_sent_, out_bytes(),
                                 MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (count >= 0) {
      out_sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      const bool writable = co_await wait_writable();
      if (!writable) co_return false;
    } else if (errno != EINTR) {
      co_return false;
    }
  }
  out_.clear();
  out_sent_ = 0;
  co_return true;
}

void Connection::send_soon() {
  if (pump_scheduled_) return;
  pump_scheduled_ = true;
  asio::post(loop_.io(), [self = shared_from_this()] { self->pump_out(); });
}

void Connection::pump_out() {
  pump_scheduled_ = false;
  while (out_bytes() > 0 && !closed()) {
    const ssize_t count =
        ::send(socket_.native_handle(), out_.data() + out_sent_, out_bytes(), MSG_NOSIGNAL);
    if (count >= 0) {
      out_sent_ += static_cast<std::size_t>(count);
      if (wait_.what() == Wait::kOutput) wait_.progressed(Clock::now());
    } else if (errno == EAGAIN) {
      pump_scheduled_ = true;
      socket_.async_wait(tcp::socket::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->pump_scheduled_ = false;
                           if (!error) self->pump_out();
                         });
      break;
    } else if (errno != EINTR) {
      // Whoever reads the connection, or else the sweep, notices its end.
      out_sent_ = out_.size();
    }
  }
  if (out_bytes() == 0) {
    out_.clear();
    out_sent_ = 0;
  }
  if (receiver_ != nullptr) receiver_->output_moved();
}

}  // namespace minidfs::transfer
