#include "transfer/server_connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "transfer/write_session.hpp"

namespace minidfs::transfer {
namespace {

// A connection without an operation is given up after this time.
constexpr std::chrono::minutes kIdleTimeout{10};
constexpr std::size_t kSmallBuffer = 64 * 1024;
constexpr std::size_t kShareBytes = 1024 * 1024;
// What a refused peer may still send while it has not seen the refusal.
constexpr std::size_t kDiscardBytesMax = 8 * 1024 * 1024;

}  // namespace

Connection::Connection(ServerLoop& loop, tcp::socket socket)
    : loop_(loop), socket_(std::move(socket)) {
  boost::system::error_code ignored;
  const auto remote = socket_.remote_endpoint(ignored);
  peer_ = metadata::to_string(metadata::Endpoint{remote.address().to_string(), remote.port()});
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  loop_.add(*this);
  set_wait(Wait::kHello);
}

Connection::~Connection() {
  loop_.pool().give_back(std::move(in_));
  loop_.remove(*this);
}

void Connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (writing_ != nullptr) writing_->upstream_closed();
}

void Connection::set_wait(Wait wait) {
  wait_ = wait;
  wait_since_ = Clock::now();
}

void Connection::excuse(Clock::time_point now) {
  wait_since_ = now;
  if (writing_ != nullptr) writing_->excuse(now);
}

void Connection::sweep(Clock::time_point now) {
  const auto& options = loop_.context().options;
  std::chrono::milliseconds limit{0};
  switch (wait_) {
    case Wait::kNothing:
      break;
    case Wait::kHello:
      limit = options.handshake_timeout;
      break;
    case Wait::kFrame:
    case Wait::kOutput:
      limit = options.progress_timeout;
      break;
    case Wait::kIdle:
      limit = kIdleTimeout;
      break;
  }
  if (wait_ != Wait::kNothing && now - wait_since_ > limit) {
    boost::system::error_code ignored;
    if (writing_ == nullptr || wait_ == Wait::kOutput) {
      // A reset: the kernel shall not keep what the peer does not take.
      socket_.set_option(asio::socket_base::linger(true, 0), ignored);
      close();
      return;
    }
    // To a pipeline this is the end of the stream; blocks that were ended are still answered.
    socket_.cancel(ignored);
  }
  if (writing_ != nullptr) writing_->sweep(now);
}

asio::awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  if (!co_await shake_hands()) co_return;
  greeted_ = true;
  set_wait(Wait::kNothing);
  Status status = co_await serve();
  if (!status.ok() && !closed()) co_await fail(std::move(status).error());
  close();
}

asio::awaitable<bool> Connection::shake_hands() {
  Status problem;
  for (;;) {
    auto parsed = parse_frame(received());
    if (!parsed.ok()) {
      problem = std::move(parsed).error();
      break;
    }
    if (!parsed->has_value()) {
      const bool more = co_await fill();
      if (!more) co_return false;
      continue;
    }
    const Frame& frame = **parsed;
    auto hello = frame.type == FrameType::kHello
                     ? parse_hello(frame.control)
                     : Result<Hello>(Error{Errc::kProtocol, "the first frame is no Hello"});
    if (!hello.ok()) {
      problem = std::move(hello).error();
      break;
    }
    const ClusterId cluster = loop_.context().store.cluster_id();
    if (hello->version != kProtocolVersion) {
      problem = Error{Errc::kUnsupported, "protocol version " + std::to_string(hello->version) +
                                              "; this node speaks version " +
                                              std::to_string(kProtocolVersion)};
    } else if (cluster.is_none()) {
      problem = Error{Errc::kUnavailable, "this node belongs to no cluster yet"};
    } else if (hello->cluster != cluster) {
      problem = Error{Errc::kWrongCluster, "this node belongs to cluster " + to_string(cluster) +
                                               ", not to " + to_string(hello->cluster)};
    }
    consume(frame.total_bytes());
    break;
  }
  if (!problem.ok()) {
    co_await fail(std::move(problem).error());
    co_return false;
  }
  append_frame(out_, FrameType::kWelcome, Welcome{.node = loop_.context().store.node_id()});
  send_soon();
  co_return true;
}

asio::awaitable<Status> Connection::serve() {
  for (;;) {
    auto parsed = parse_frame(received());
    if (!parsed.ok()) co_return std::move(parsed).error();
    if (!parsed->has_value() || !(*parsed)->complete()) {
      const bool drained = co_await drain();
      if (!drained) co_return Status();
      const bool more = co_await fill();
      if (!more) co_return Status();
      continue;
    }
    const Frame frame = **parsed;
    if (frame.type == FrameType::kReadBlock) {
      auto request = parse_read_block(frame.control);
      if (!request.ok()) co_return std::move(request).error();
      consume(frame.total_bytes());
      Status served = co_await serve_read(*request);
      if (!served.ok()) co_return served;
    } else if (frame.type == FrameType::kCorruptSlice) {
      auto notice = parse_corrupt_slice(frame.control);
      if (!notice.ok()) co_return std::move(notice).error();
      consume(frame.total_bytes());
      check_slice(*notice);
    } else if (frame.type == FrameType::kOpenPipeline) {
      auto open = parse_open_pipeline(frame.control);
      if (!open.ok()) co_return std::move(open).error();
      consume(frame.total_bytes());
      const auto session = std::make_shared<WriteSession>(shared_from_this(), *std::move(open));
      writing_ = session.get();
      Status written = co_await session->run();
      writing_ = nullptr;
      co_return written;
    } else {
      co_return Error{Errc::kProtocol,
                      "unexpected " + std::string(to_string(frame.type)) + " frame"};
    }
  }
}

// The peer may be in the middle of sending: closing at once would make its kernel throw away the
// reason before the peer has read it.
asio::awaitable<void> Connection::fail(Error error) {
  failed_ = true;
  append_frame(out_, FrameType::kFailure, outcome_of(error));
  const bool drained = co_await drain();
  if (!drained) co_return;
  boost::system::error_code failed;
  socket_.shutdown(tcp::socket::shutdown_send, failed);
  begin_ = end_ = 0;
  std::size_t discarded = 0;
  const auto deadline = Clock::now() + loop_.context().options.progress_timeout;
  while (!failed && discarded < kDiscardBytesMax && Clock::now() < deadline) {
    const bool more = co_await fill();
    if (!more) break;
    discarded += end_;
    begin_ = end_ = 0;
  }
  close();
}

asio::awaitable<void> Connection::share_thread(std::size_t worked_bytes) {
  worked_bytes_ += worked_bytes;
  if (worked_bytes_ < kShareBytes) co_return;
  worked_bytes_ = 0;
  co_await asio::post(loop_.io(), asio::use_awaitable);
}

// Makes sure that the frame at the start can be received whole.
asio::awaitable<void> Connection::make_room() {
  const std::size_t have = end_ - begin_;
  const std::size_t wanted = std::max(kSmallBuffer, wanted_bytes(received()));
  if (wanted > in_.capacity) {
    if (greeted_) set_wait(Wait::kNothing);  // Waiting for memory is not the peer's fault.
    Buffer larger = co_await loop_.pool().take(wanted + kSlicesHeadMax);
    if (have > 0) std::memcpy(larger.bytes.get(), in_.bytes.get() + begin_, have);
    loop_.pool().give_back(std::exchange(in_, std::move(larger)));
    begin_ = 0;
    end_ = have;
  } else if (begin_ > 0 && (have == 0 || begin_ + wanted + kSlicesHeadMax > in_.capacity)) {
    std::memmove(in_.bytes.get(), in_.bytes.get() + begin_, have);
    begin_ = 0;
    end_ = have;
  }
}

asio::awaitable<bool> Connection::fill() {
  for (;;) {
    if (in_.bytes == nullptr) {
      // Nothing is here and no memory taken: sleep first.
      const bool readable = co_await wait_readable();
      if (!readable) co_return false;
    }
    co_await make_room();
    if (closed()) co_return false;
    std::size_t room = in_.capacity - end_;
    const std::size_t wanted = wanted_bytes(received());
    if (wanted > kSmallBuffer) {
      // A large frame is received up to its end and the head of the next one, so that little has to
      // be moved.
      room = std::min(room, wanted + kSlicesHeadMax - (end_ - begin_));
    }
    const ssize_t count = ::recv(socket_.native_handle(), in_.bytes.get() + end_, room, 0);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      loop_.context().bytes_received.fetch_add(static_cast<std::uint64_t>(count),
                                               std::memory_order_relaxed);
      if (greeted_) set_wait(Wait::kNothing);
      co_return true;
    }
    if (count == 0) co_return false;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return false;
    if (begin_ == end_) {
      begin_ = end_ = 0;
      loop_.pool().give_back(std::exchange(in_, Buffer()));
      continue;
    }
    const bool readable = co_await wait_readable();
    if (!readable) co_return false;
  }
}

asio::awaitable<bool> Connection::wait_readable() {
  if (greeted_) set_wait(begin_ == end_ && !failed_ ? Wait::kIdle : Wait::kFrame);
  boost::system::error_code error;
  co_await socket_.async_wait(tcp::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  co_return !error && !closed();
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
    } else if (errno == EAGAIN) {
      pump_scheduled_ = true;
      socket_.async_wait(tcp::socket::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->pump_scheduled_ = false;
                           if (!error) self->pump_out();
                         });
      break;
    } else if (errno != EINTR) {
      // The reader of the connection notices the end by itself.
      out_sent_ = out_.size();
    }
  }
  if (out_bytes() == 0) {
    out_.clear();
    out_sent_ = 0;
  }
  if (writing_ != nullptr) writing_->output_moved();
}

}  // namespace minidfs::transfer
