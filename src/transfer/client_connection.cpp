#include "transfer/client_connection.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "transfer/handshake.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::size_t kPartsMax = 64;  // Of one system call.

// Removes what was sent from the front.
void shorten(std::span<iovec>& parts, std::size_t sent) {
  while (!parts.empty() && sent >= parts.front().iov_len) {
    sent -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (parts.empty()) return;
  parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + sent;
  parts.front().iov_len -= sent;
}

}  // namespace

ClientConnection::ClientConnection(const asio::any_io_executor& executor,
                                   const metadata::Endpoint& peer, const ConnectionOptions& options,
                                   std::size_t buffer_bytes)
    : peer_(peer),
      name_(metadata::to_string(peer)),
      options_(options),
      timeout_(options.handshake_timeout.count() > 0 ? options.handshake_timeout
                                                     : options.progress_timeout),
      loop_(executor),
      last_progress_(Clock::now()),
      buffer_(new std::byte[buffer_bytes]),
      capacity_(buffer_bytes) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::cancel() {
  cancelled_ = true;
  if (dialer_ != nullptr) dialer_->cancel();
  stop_waiting();
}

void ClientConnection::stop_waiting() {
  boost::system::error_code ignored;
  if (loop_ && loop_->socket.is_open()) loop_->socket.cancel(ignored);
}

void ClientConnection::leave_loop() {
  MDFS_ASSERT(!waiting_ && loop_);
  alive_ = std::make_shared<const bool>(true);  // What stands in the loop is of no effect any more.
  listening_ = false;
  watched_until_.reset();
  between_loops_.reset(loop_->socket.release());
  loop_.reset();
}

void ClientConnection::join_loop(const asio::any_io_executor& executor) {
  MDFS_ASSERT(!loop_);
  loop_.emplace(executor);
  boost::system::error_code failed;
  loop_->socket.assign(between_loops_.get(), failed);
  // Where the kernel watches no more sockets, the connection is as good as lost, and found so.
  if (!failed) between_loops_.release();
}

void ClientConnection::when_readable(std::function<void()> ready) {
  loop_->socket.async_wait(Wait::wait_read,
                           [ready = std::move(ready)](const boost::system::error_code& error) {
                             if (!error) ready();
                           });
}

Error ClientConnection::lost(std::string_view why) const {
  return {Errc::kUnavailable, name_ + ": connection lost: " + std::string(why)};
}

// Why a wait has ended in vain.
Error ClientConnection::late() const {
  if (cancelled_) return {Errc::kCancelled, name_ + ": cancelled"};
  return {Errc::kTimedOut, name_ + ": no progress for " + std::to_string(timeout_.count()) + " ms"};
}

asio::awaitable<Status> ClientConnection::open(std::string first_frames) {
  Status connected = co_await connect();
  if (!connected.ok()) co_return connected;
  Status greeted = co_await shake_hands(std::move(first_frames));
  timeout_ = options_.progress_timeout;
  co_return greeted;
}

asio::awaitable<Status> ClientConnection::connect() {
  if (cancelled_) co_return late();
  net::Dialer dialer(executor());
  dialer_ = &dialer;
  const net::Host host{peer_.host, peer_.port};  // g++ 12 destroys it twice as a temporary here.
  auto fd = co_await dialer.connect(host, Clock::now() + options_.connect_timeout);
  dialer_ = nullptr;
  if (!fd.ok()) co_return std::move(fd).error();
  boost::system::error_code failed;
  loop_->socket.assign(fd->get(), failed);
  if (failed) co_return lost(failed.message());
  fd->release();
  co_return Status();
}

asio::awaitable<Status> ClientConnection::send_whole(std::string bytes) {
  iovec part{bytes.data(), bytes.size()};
  std::span<iovec> parts(&part, 1);
  Status sent = try_send(parts);
  if (sent.ok() && !parts.empty()) sent = co_await send(parts);
  if (sent.ok()) note_progress();
  co_return sent;
}

asio::awaitable<Status> ClientConnection::shake_hands(std::string first_frames) {
  ClientHandshake handshake(options_.cluster, options_.role, options_.credentials);
  std::string out;
  Status status = handshake.begin(out);
  while (status.ok() && !handshake.welcomed()) {
    if (!out.empty()) {
      // What follows is the server's to read as soon as it has heard all that it needs.
      if (handshake.may_send()) out += std::exchange(first_frames, {});
      std::string next = std::exchange(out, {});
      status = co_await send_whole(std::move(next));
      if (!status.ok()) co_return status;
    }
    auto parsed = parse_frame(received());
    if (!parsed.ok()) co_return std::move(parsed).error();
    if (parsed->has_value()) {
      const Frame& frame = **parsed;
      if (frame.type == FrameType::kFailure) co_return failure_of(frame, name_);
      status = handshake.on_frame(frame, out);
      consume(frame.total_bytes());
      continue;
    }
    status = co_await fill();
    if (!status.ok()) co_return status;
  }
  version_ = handshake.version();
  if (status.ok()) co_return status;
  // That it is not believed the server hears, if it can without being waited for.
  iovec part{out.data(), out.size()};
  std::span<iovec> last_words(&part, 1);
  static_cast<void>(try_send(last_words));
  co_return Error{status.error().code, name_ + ": " + status.error().message};
}

asio::awaitable<bool> ClientConnection::wait(Wait what, Clock::time_point limit) {
  if (cancelled_) co_return false;
  wait_limit_ = limit;
  late_ = false;
  waiting_ = true;
  watch();
  boost::system::error_code error;
  co_await loop_->socket.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
  waiting_ = false;
  if (cancelled_) co_return false;
  // Any other error shows when the socket is tried again. Who is late may have been suspended
  // itself: a socket that is ready all the same counts. Trying it would not tell, since the kernel
  // takes some bytes for a peer that has long stopped.
  co_return !(error && late_) || is_ready(what);
}

bool ClientConnection::is_ready(Wait what) {
  pollfd entry{fd(), POLLIN, 0};
  // A send that waits takes what comes, which may be a sign of life, as long as there is room.
  if (what == Wait::wait_write)
    entry.events = static_cast<short>(full() ? POLLOUT : POLLIN | POLLOUT);
  return ::poll(&entry, 1, 0) > 0;
}

// Sees to it that the watchdog does not look later than the present wait must end.
void ClientConnection::watch() {
  const auto until = due();
  if (watched_until_ && *watched_until_ <= until) return;
  watched_until_ = until;
  loop_->watchdog.expires_at(until);
  loop_->watchdog.async_wait([this, number = ++watch_number_, alive = std::weak_ptr(alive_)](
                                 const boost::system::error_code& error) {
    if (error || alive.expired() || number != watch_number_) return;
    watched_until_.reset();
    if (waiting_) look_at_time();
  });
}

void ClientConnection::look_at_time() {
  if (Clock::now() < due()) return watch();
  late_ = true;
  stop_waiting();
}

// The peer may have said why before it closed.
Error ClientConnection::last_words(int error) {
  for (;;) {
    auto grown = try_fill();
    if (!grown.ok() || !*grown) break;
    Status taken = take_ ? take_() : Status();
    if (!taken.ok()) return std::move(taken).error();
  }
  return lost(std::strerror(error));
}

Status ClientConnection::try_send(std::span<iovec>& parts) {
  while (!parts.empty()) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = std::min(parts.size(), kPartsMax);
    const ssize_t count = ::sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      note_progress();
      shorten(parts, static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      return {};
    } else if (errno != EINTR) {
      return last_words(errno);
    }
  }
  return {};
}

asio::awaitable<Status> ClientConnection::send(std::span<iovec> parts) {
  note_progress();
  trouble_ = Status();
  for (;;) {
    sending_ = true;
    if (!full()) listen();
    const bool in_time = co_await wait(Wait::wait_write, Clock::time_point::max());
    sending_ = false;
    if (!trouble_.ok()) co_return trouble_;
    if (!in_time) co_return late();
    Status sent = try_send(parts);
    if (!sent.ok() || parts.empty()) co_return sent;
  }
}

// Waits for bytes from the peer beside a send that waits for it.
void ClientConnection::listen() {
  if (std::exchange(listening_, true)) return;
  loop_->socket.async_wait(Wait::wait_read, [this, alive = std::weak_ptr(alive_)](
                                                const boost::system::error_code& error) {
    if (alive.expired()) return;
    listening_ = false;
    if (!error && sending_) take_while_sending();
  });
}

void ClientConnection::take_while_sending() {
  const auto grown = try_fill();
  trouble_ = grown.ok() ? (take_ ? take_() : Status()) : Status(grown.error());
  if (trouble_.ok()) {
    if (!full()) listen();
    return;
  }
  stop_waiting();
}

void ClientConnection::send_if_idle(std::string_view frame) {
  int waiting = 0;
  if (::ioctl(fd(), SIOCOUTQ, &waiting) != 0 || waiting > 0) return;
  // A few bytes into an empty buffer go whole or not at all.
  static_cast<void>(::send(fd(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

Result<bool> ClientConnection::try_fill() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0 && capacity_ - end_ < capacity_ / 2) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity_) return false;
  for (;;) {
    const ssize_t count = ::recv(fd(), buffer_.get() + end_, capacity_ - end_, MSG_DONTWAIT);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      return true;
    }
    if (count == 0) return lost("closed by the peer");
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return lost(std::strerror(errno));
  }
}

asio::awaitable<Status> ClientConnection::fill() {
  auto grown = co_await fill_until(Clock::time_point::max());
  if (!grown.ok()) co_return std::move(grown).error();
  if (!*grown) co_return late();
  co_return Status();
}

asio::awaitable<Result<bool>> ClientConnection::fill_within(std::chrono::milliseconds limit) {
  auto grown = co_await fill_until(Clock::now() + limit);
  if (cancelled_) co_return late();
  co_return grown;
}

asio::awaitable<Result<bool>> ClientConnection::fill_until(Clock::time_point limit) {
  for (;;) {
    const bool in_time = co_await wait(Wait::wait_read, limit);
    if (!in_time) co_return false;
    auto grown = try_fill();
    if (!grown.ok() || *grown) co_return grown;
  }
}

void ClientConnection::consume(std::size_t bytes) {
  MDFS_ASSERT(bytes <= end_ - begin_);
  begin_ += bytes;
}

}  // namespace minidfs::transfer
