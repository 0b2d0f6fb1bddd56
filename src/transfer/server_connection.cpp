#include "transfer/server_connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "base/logging.hpp"
#include "transfer/block_receiver.hpp"
#include "transfer/handshake.hpp"

namespace minidfs::transfer {
namespace {

// A connection without an operation is given up after this time.
constexpr std::chrono::minutes kIdleTimeout{10};
constexpr std::size_t kShareBytes = 1024 * 1024;

}  // namespace

Connection::Connection(ServerLoop& loop, tcp::socket socket)
    : loop_(loop), socket_(std::move(socket)) {
  boost::system::error_code ignored;
  const auto remote = socket_.remote_endpoint(ignored);
  peer_ = metadata::to_string(metadata::Endpoint{remote.address().to_string(), remote.port()});
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  set_wait(Wait::kHello);
  number_ = loop_.add(*this);
}

Connection::~Connection() { loop_.remove(number_); }

void Connection::close() {
  boost::system::error_code ignored;
  if (handle_.drop()) socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  loop_.leave(number_);
  if (memory_wait_ != nullptr) memory_wait_->cancel();
  if (receiver_ != nullptr) receiver_->upstream_closed();
}

Clock::time_point Connection::idle_since() const {
  const bool idle = wait_.what() == Wait::kIdle && (receiver_ == nullptr || receiver_->idle());
  return idle ? wait_.since() : Clock::time_point::max();
}

std::chrono::milliseconds Connection::limit_of(Wait wait) const {
  const auto& options = loop_.context().options;
  switch (wait) {
    case Wait::kNothing:
    case Wait::kMemory:
      break;
    case Wait::kHello:
      return options.handshake_timeout;
    case Wait::kFrame:
    case Wait::kOutput:
      return options.progress_timeout;
    case Wait::kIdle:
      return kIdleTimeout;
  }
  return std::chrono::milliseconds{0};
}

void Connection::excuse(Clock::time_point now) {
  wait_.progressed(now);
  if (receiver_ != nullptr) receiver_->excuse();
}

void Connection::sweep(Clock::time_point now) {
  if ((wait_.what() == Wait::kNothing || wait_.what() == Wait::kMemory) && broken()) {
    // Nobody reads the socket, but a peer that has gone shall not keep its place in a queue.
    close();
    return;
  }
  if (wait_.what() == Wait::kFrame) {
    // The socket becomes readable only when a good part has arrived.
    if (const auto standing = standing_bytes(); standing != seen_bytes_) {
      seen_bytes_ = standing;
      wait_.progressed(now);
    }
  }
  if (wait_.too_long(now)) {
    boost::system::error_code ignored;
    if (receiver_ == nullptr || wait_.what() == Wait::kOutput) {
      // A reset: the kernel shall not keep what the peer does not take.
      socket_.set_option(asio::socket_base::linger(true, 0), ignored);
      close();
      return;
    }
    // To a pipeline this is the end of the stream; blocks that were ended are still answered.
    socket_.cancel(ignored);
  }
  if (receiver_ != nullptr) receiver_->sweep();
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
  std::optional<ServerHandshake> handshake;
  for (;;) {
    auto parsed = parse_frame(received());
    if (!parsed.ok()) {
      co_await fail(std::move(parsed).error());
      co_return false;
    }
    if (!parsed->has_value()) {
      const bool more = co_await fill();
      if (!more) co_return false;
      continue;
    }
    const auto& context = loop_.context();
    if (!handshake) {
      handshake.emplace(context.store.cluster_id(), context.store.node_id(),
                        context.options.credentials);
    }
    const auto next = handshake->on_frame(**parsed, out_);
    consume((*parsed)->total_bytes());
    Status let_in;
    if (!next.ok()) {
      let_in = next.error();
      tell_refused(handshake->role(), next.error());
    } else if (*next == ServerHandshake::Next::kEnter) {
      let_in = loop_.enter(*this);
      if (let_in.ok()) handshake->welcome(out_);
    }
    if (!let_in.ok()) {
      co_await fail(std::move(let_in).error());
      co_return false;
    }
    send_soon();
    if (*next == ServerHandshake::Next::kEnter) co_return true;
  }
}

// Both ends are to know: it is an operator's mistake, or an attempt.
void Connection::tell_refused(auth::Role role, const Error& why) {
  if (why.code == Errc::kUnavailable) return;  // This node belongs to no cluster yet.
  const bool is_read = why.code != Errc::kProtocol && why.code != Errc::kUnsupported;
  const auto as = is_read ? "as a " + std::string(auth::to_string(role)) + " " : std::string();
  const auto what = as + "is refused: " + why.message;
  if (const auto line = loop_.context().refusals.line(peer_, what)) log_warn("data", "{}", *line);
}

asio::awaitable<Status> Connection::serve() {
  for (;;) {
    auto parsed = parse_frame(received());
    if (!parsed.ok()) co_return std::move(parsed).error();
    if (!parsed->has_value()) {
      const bool drained = co_await drain();
      if (!drained) co_return Status();
      const bool more = co_await fill();
      if (!more) co_return Status();
      continue;
    }
    const Frame frame = **parsed;
    if (frame.type == FrameType::kReadBlock) {
      Status served = co_await serve_reads();
      if (!served.ok()) co_return served;
    } else if (frame.type == FrameType::kSumBlock) {
      auto request = parse_sum_block(frame.control);
      if (!request.ok()) co_return std::move(request).error();
      consume(frame.total_bytes());
      Status served = co_await serve_sum(*request);
      if (!served.ok() || closed()) co_return served;
    } else if (frame.type == FrameType::kCorruptSlice) {
      auto notice = parse_corrupt_slice(frame.control);
      if (!notice.ok()) co_return std::move(notice).error();
      consume(frame.total_bytes());
      co_await check_slice(*notice);
    } else if (frame.type == FrameType::kOpenPipeline) {
      auto open = parse_open_pipeline(frame.control);
      if (!open.ok()) co_return std::move(open).error();
      consume(frame.total_bytes());
      const auto receiver = std::make_shared<BlockReceiver>(shared_from_this(), *std::move(open));
      receiver_ = receiver.get();
      Status written = co_await receiver->run();
      receiver_ = nullptr;
      co_return written;
    } else {
      co_return Error{Errc::kProtocol,
                      "unexpected " + std::string(to_string(frame.type)) + " frame"};
    }
  }
}

asio::awaitable<void> Connection::share_thread(std::size_t worked_bytes) {
  worked_bytes_ += worked_bytes;
  if (worked_bytes_ < kShareBytes) co_return;
  worked_bytes_ = 0;
  co_await asio::post(loop_.io(), asio::use_awaitable);
}

}  // namespace minidfs::transfer
