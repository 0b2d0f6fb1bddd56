#include "transfer/downstream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "transfer/write_session.hpp"

namespace minidfs::transfer {
namespace {

// Larger than any frame that a server sends to a writer.
constexpr std::size_t kBufferBytes = 20 * 1024;

}  // namespace

Downstream::Downstream(ServerLoop& loop, std::shared_ptr<WriteSession> session,
                       OpenPipeline pipeline)
    : loop_(loop),
      session_(std::move(session)),
      targets_(std::move(pipeline.targets)),
      name_(metadata::to_string(targets_.front())),
      socket_(loop.io()),
      looked_up_(loop.io()),
      last_frame_(Clock::now()),
      last_taken_(last_frame_) {
  rest_.targets.assign(targets_.begin() + 1, targets_.end());
  rest_.background = pipeline.background;
  rest_.ahead = static_cast<std::uint8_t>(pipeline.ahead + 1);
}

void Downstream::drop(Error reason) {
  if (reason_) return;
  reason_ = std::move(reason);
  boost::system::error_code ignored;
  socket_.close(ignored);
  looked_up_.notify();
  if (const auto session = std::exchange(session_, nullptr)) session->downstream_dropped();
}

std::vector<Outcome> Downstream::outcomes() const {
  MDFS_ASSERT(reason_.has_value());
  std::vector<Outcome> outcomes{outcome_of(*reason_)};
  const Error behind{Errc::kUnavailable, "behind " + name_ + ", which failed: " + reason_->message};
  outcomes.resize(targets_.size(), outcome_of(behind));
  return outcomes;
}

asio::awaitable<void> Downstream::open() {
  const auto self = shared_from_this();
  connecting_ = true;
  last_frame_ = Clock::now();
  co_await connect();
  connecting_ = false;
  if (!usable()) co_return;
  excuse(Clock::now());
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  std::string hello;
  append_frame(hello, FrameType::kHello, Hello{.cluster = loop_.context().store.cluster_id()});
  append_frame(hello, FrameType::kOpenPipeline, rest_);
  asio::co_spawn(
      loop_.io(), [self] { return self->read_frames(); }, asio::detached);
  co_await send(std::as_bytes(std::span(hello)));
}

// A look-up that does not end keeps the loop alive, but neither the link nor its session.
asio::awaitable<std::vector<tcp::endpoint>> Downstream::look_up() {
  const net::Host host{targets_.front().host, targets_.front().port};
  net::start_look_up(host, [loop = loop_.shared_from_this(), link = weak_from_this()](auto found) {
    asio::post(loop->io(), [link, found = std::move(found)]() mutable {
      const auto alive = link.lock();
      if (!alive) return;
      alive->addresses_ = std::move(found);
      alive->looked_up_.notify();
    });
  });
  // The sweep drops the link when it takes too long.
  while (usable() && !addresses_) co_await looked_up_.wait(Clock::now() + std::chrono::seconds(1));
  std::vector<tcp::endpoint> endpoints;
  if (!usable()) co_return endpoints;
  if (!addresses_->ok()) {
    drop(addresses_->error());
    co_return endpoints;
  }
  for (const auto& address : **addresses_) {
    tcp::endpoint& endpoint = endpoints.emplace_back();
    endpoint.resize(address.size);
    std::memcpy(endpoint.data(), address.get(), address.size);
  }
  co_return endpoints;
}

asio::awaitable<void> Downstream::connect() {
  const auto endpoints = co_await look_up();
  const auto share =
      loop_.context().options.connect_timeout / std::max<std::size_t>(1, endpoints.size());
  boost::system::error_code error;
  for (const auto& endpoint : endpoints) {
    if (!usable()) co_return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    next_address_ = Clock::now() + share;
    co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_return;
  }
  drop(Error{error == asio::error::operation_aborted ? Errc::kTimedOut : Errc::kUnavailable,
             "cannot connect to " + name_ + ": " + error.message()});
}

// True when it is worth trying at once again.
bool Downstream::send_failed(int error) {
  if (error == EINTR) return true;
  if (error != EAGAIN) {
    drop(Error{Errc::kUnavailable,
               name_ + ": connection lost: " + std::string(std::strerror(error))});
  }
  return false;
}

std::size_t Downstream::try_send(std::span<const std::byte> bytes) {
  std::size_t sent = 0;
  while (usable() && sent < bytes.size()) {
    const ssize_t count =
        ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (!send_failed(errno)) {
      break;
    }
  }
  if (sent > 0) last_taken_ = Clock::now();
  return sent;
}

asio::awaitable<void> Downstream::send(std::span<const std::byte> bytes) {
  const auto self = shared_from_this();
  sending_ = true;
  last_taken_ = Clock::now();
  for (;;) {
    bytes = bytes.subspan(try_send(bytes));
    if (!usable() || bytes.empty()) break;
    boost::system::error_code error;
    co_await socket_.async_wait(tcp::socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
  }
  sending_ = false;
}

void Downstream::end_sending() {
  if (!usable() || ended_) return;
  ended_ = true;
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Downstream::sweep(Clock::time_point now, bool frames_due) {
  if (!usable()) return;
  const auto& options = loop_.context().options;
  const auto silent = [&](Clock::time_point since, std::chrono::milliseconds limit) {
    return now - since > limit + loop_.sweep_interval();
  };
  const auto progress = std::to_string(options.progress_timeout.count());
  if (connecting_) {
    if (now - last_frame_ > options.connect_timeout) {
      drop(Error{Errc::kTimedOut, "no answer from " + name_ + " to connect"});
    } else if (addresses_ && now > next_address_) {
      boost::system::error_code ignored;
      socket_.cancel(ignored);
    }
  } else if (!sending_ && !frames_due && !ended_) {
    last_frame_ = now;
  } else if (silent(frames_due ? last_frame_ : std::max(last_frame_, last_taken_),
                    options.progress_timeout)) {
    // That its kernel takes bytes is no sign of life of a node that owes us some.
    drop(Error{Errc::kTimedOut, name_ + ": no progress for " + progress + " ms"});
  } else if (sending_ && silent(last_taken_, options.memory_timeout + options.progress_timeout)) {
    drop(Error{Errc::kTimedOut, name_ + ": took nothing of a block for " +
                                    std::to_string(options.memory_timeout.count()) + " ms"});
  }
}

asio::awaitable<void> Downstream::read_frames() {
  const auto self = shared_from_this();
  in_.resize(kBufferBytes);
  while (usable()) {
    const ssize_t count =
        ::recv(socket_.native_handle(), in_.data() + in_bytes_, in_.size() - in_bytes_, 0);
    if (count > 0) {
      in_bytes_ += static_cast<std::size_t>(count);
      if (!take_frames()) co_return;
    } else if (count == 0) {
      drop(Error{Errc::kUnavailable, name_ + ": connection closed by the peer"});
    } else if (errno == EAGAIN) {
      boost::system::error_code error;
      co_await socket_.async_wait(tcp::socket::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
    } else if (errno != EINTR) {
      drop(Error{Errc::kUnavailable,
                 name_ + ": connection lost: " + std::string(std::strerror(errno))});
    }
  }
}

// Takes all whole frames; false when the link was dropped on the way.
bool Downstream::take_frames() {
  std::span<const std::byte> rest(in_.data(), in_bytes_);
  Status status;
  while (status.ok()) {
    auto parsed = parse_frame(rest);
    if (!parsed.ok()) {
      status = std::move(parsed).error();
      break;
    }
    if (!parsed->has_value()) break;
    const Frame frame = **parsed;
    last_frame_ = Clock::now();
    if (frame.type == FrameType::kAckBlock) {
      auto ack = parse_ack_block(frame.control);
      status = ack.ok() ? session_->downstream_acked(*std::move(ack)) : Status(ack.error());
    } else if (frame.type == FrameType::kTargetLost) {
      auto lost = parse_target_lost(frame.control);
      status = lost.ok() ? session_->downstream_lost(*lost) : Status(lost.error());
    } else if (frame.type == FrameType::kFailure) {
      auto outcome = parse_outcome(frame.control);
      status = outcome.ok() ? outcome->to_error() : outcome.error();
    } else if (frame.type == FrameType::kKeepAlive) {
      status = check_keep_alive(frame.control, loop_.context().options.disk_timeout);
    } else if (frame.type != FrameType::kWelcome) {
      status =
          Error{Errc::kProtocol, "unexpected " + std::string(to_string(frame.type)) + " frame"};
    }
    rest = rest.subspan(frame.head_bytes());
  }
  if (!status.ok()) {
    drop(Error{status.error().code, name_ + ": " + status.error().message});
    return false;
  }
  std::memmove(in_.data(), rest.data(), rest.size());
  in_bytes_ = rest.size();
  return true;
}

}  // namespace minidfs::transfer
