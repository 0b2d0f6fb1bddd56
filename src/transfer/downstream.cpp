#include "transfer/downstream.hpp"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "transfer/block_receiver.hpp"

namespace minidfs::transfer {
namespace {

// Larger than any frame that a server sends to a writer.
constexpr std::size_t kBufferBytes = 20 * 1024;

}  // namespace

Downstream::Downstream(ServerLoop& loop, std::shared_ptr<BlockReceiver> receiver,
                       const OpenPipeline& pipeline)
    : loop_(loop),
      receiver_(std::move(receiver)),
      host_{pipeline.targets.front().host, pipeline.targets.front().port},
      name_(metadata::to_string(pipeline.targets.front())),
      handshake_(loop.context().store.cluster_id(), auth::Role::kDatanode,
                 loop.context().options.credentials),
      dialer_(loop.io().get_executor()),
      socket_(loop.io()) {
  rest_.targets.assign(pipeline.targets.begin() + 1, pipeline.targets.end());
  rest_.background = pipeline.background;
  rest_.ahead = static_cast<std::uint8_t>(pipeline.ahead + 1);
}

void Downstream::tell(ReceiverEvent event) {
  if (const auto receiver = receiver_) receiver->step(std::move(event));
}

void Downstream::fail(Errc code, std::string message) {
  tell(NextFailed{Error{code, std::move(message)}});
}

void Downstream::hang_up() {
  receiver_.reset();
  dialer_.cancel();
  if (handle_.drop()) ::shutdown(socket_.native_handle(), SHUT_RDWR);
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// --- Connecting -------------------------------------------------------------------------------

asio::awaitable<void> Downstream::open() {
  const auto self = shared_from_this();
  // The receiver decides when that has taken too long, and hangs up.
  auto connected = co_await dialer_.connect(host_, Clock::time_point::max());
  if (!receiver_) co_return;
  if (!connected.ok()) co_return tell(NextFailed{std::move(connected).error()});
  boost::system::error_code failed;
  socket_.assign(connected->get(), failed);
  if (failed) co_return fail(Errc::kUnavailable, name_ + ": " + failed.message());
  connected->release();
  std::string greeting;
  Status begun = handshake_.begin(greeting);
  if (!begun.ok()) co_return tell(NextFailed{std::move(begun).error()});
  const bool complete = handshake_.may_send();
  if (complete) greeting += greeting_end();
  co_await send(std::as_bytes(std::span(greeting)));
  if (!receiver_) co_return;
  asio::co_spawn(
      loop_.io(), [self] { return self->read_frames(); }, asio::detached);
  if (complete) tell(NextConnected{});
}

std::string Downstream::greeting_end() const {
  std::string out;
  append_frame(out, FrameType::kOpenPipeline, rest_);
  return out;
}

// None but of the frame upon which the next node may be sent blocks.
Result<std::optional<ReceiverEvent>> Downstream::on_greeting(const Frame& frame) {
  const bool could_send = handshake_.may_send();
  std::string answer;
  const Status taken = handshake_.on_frame(frame, answer);
  const bool may_send_now = taken.ok() && !could_send && handshake_.may_send();
  if (may_send_now) answer += greeting_end();
  // Nothing else stands in the socket's buffer yet.
  const std::size_t sent = try_send(std::as_bytes(std::span(answer)));
  if (!taken.ok()) return taken.error();
  if (sent < answer.size()) return Error{Errc::kUnavailable, "does not take the handshake"};
  if (may_send_now) return std::optional<ReceiverEvent>(NextConnected{});
  return std::optional<ReceiverEvent>();
}

// --- Sending ----------------------------------------------------------------------------------

// True when it is worth trying at once again.
bool Downstream::send_failed(int error) {
  if (error == EINTR) return true;
  if (error != EAGAIN) {
    fail(Errc::kUnavailable, name_ + ": connection lost: " + std::strerror(error));
  }
  return false;
}

std::size_t Downstream::try_send(std::span<const std::byte> bytes) {
  std::size_t sent = 0;
  while (receiver_ && sent < bytes.size()) {
    const ssize_t count =
        ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (!send_failed(errno)) {
      break;
    }
  }
  took(sent);
  return sent;
}

void Downstream::took(std::size_t bytes) {
  if (bytes > 0) tell(NextTook{});
}

asio::awaitable<void> Downstream::send(std::span<const std::byte> bytes) {
  const auto self = shared_from_this();
  for (;;) {
    bytes = bytes.subspan(try_send(bytes));
    if (!receiver_ || bytes.empty()) break;
    boost::system::error_code error;
    co_await socket_.async_wait(asio::posix::descriptor_base::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
  }
}

void Downstream::end_sending() { ::shutdown(socket_.native_handle(), SHUT_WR); }

// --- Frames -----------------------------------------------------------------------------------

asio::awaitable<void> Downstream::read_frames() {
  const auto self = shared_from_this();
  in_.resize(kBufferBytes);
  while (receiver_) {
    const ssize_t count =
        ::recv(socket_.native_handle(), in_.data() + in_bytes_, in_.size() - in_bytes_, 0);
    if (count > 0) {
      in_bytes_ += static_cast<std::size_t>(count);
      if (!take_frames()) co_return;
    } else if (count == 0) {
      fail(Errc::kUnavailable, name_ + ": connection closed by the peer");
    } else if (errno == EAGAIN) {
      boost::system::error_code error;
      co_await socket_.async_wait(asio::posix::descriptor_base::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
    } else if (errno != EINTR) {
      fail(Errc::kUnavailable, name_ + ": connection lost: " + std::strerror(errno));
    }
  }
}

Result<std::optional<ReceiverEvent>> Downstream::event_of(const Frame& frame) {
  using Event = std::optional<ReceiverEvent>;
  switch (frame.type) {
    case FrameType::kChallenge:
    case FrameType::kWelcome:
      return on_greeting(frame);
    case FrameType::kAckBlock: {
      MDFS_TRY(auto ack, parse_ack_block(frame.control));
      return Event(NextAcked{std::move(ack)});
    }
    case FrameType::kTargetLost: {
      MDFS_TRY(auto lost, parse_target_lost(frame.control));
      return Event(NextLost{std::move(lost)});
    }
    case FrameType::kKeepAlive: {
      MDFS_TRY(const auto alive, parse_keep_alive(frame.control));
      return Event(NextAlive{std::chrono::milliseconds(alive.disk_stalled_ms)});
    }
    case FrameType::kFailure: {
      MDFS_TRY(const auto status, parse_wire_status(frame.control));
      return status.to_error();
    }
    default:
      return Error{Errc::kProtocol, "unexpected " + std::string(to_string(frame.type)) + " frame"};
  }
}

// Takes all whole frames; false when the link was hung up on the way.
bool Downstream::take_frames() {
  std::span<const std::byte> rest(in_.data(), in_bytes_);
  while (receiver_) {
    const auto parsed = parse_frame(rest);
    if (parsed.ok() && !parsed->has_value()) break;
    auto event = parsed.ok() ? event_of(**parsed) : parsed.error();
    if (!event.ok()) {
      fail(event.error().code, name_ + ": " + event.error().message);
      return false;
    }
    if (event->has_value()) tell(**std::move(event));
    rest = rest.subspan((*parsed)->head_bytes());
  }
  if (!receiver_) return false;
  std::memmove(in_.data(), rest.data(), rest.size());
  in_bytes_ = rest.size();
  return true;
}

}  // namespace minidfs::transfer
