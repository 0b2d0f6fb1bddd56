#include "transfer/client_connection.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "net/dial.hpp"

namespace minidfs::transfer {
namespace {

using Clock = std::chrono::steady_clock;

// Milliseconds until `deadline` for poll(2), rounded up.
int poll_timeout(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count() + 1;
  return static_cast<int>(std::max<std::int64_t>(0, std::min<std::int64_t>(left, 1 << 30)));
}

bool is_set(const std::atomic<bool>* flag) { return flag != nullptr && *flag; }

// Waits for `events` of `fd`. 0 when the deadline has passed or `cancelled` was set first.
short poll_until(int fd, short events, Clock::time_point deadline,
                 const std::atomic<bool>* cancelled) {
  constexpr std::chrono::milliseconds kLook{100};
  pollfd entry{fd, events, 0};
  while (!is_set(cancelled)) {
    const auto until = cancelled == nullptr ? deadline : std::min(deadline, Clock::now() + kLook);
    const int count = ::poll(&entry, 1, poll_timeout(until));
    if (count > 0) return entry.revents;
    if (count == 0 && until == deadline) return 0;
    if (count < 0 && errno != EINTR) return POLLERR;
  }
  return 0;
}

Result<UniqueFd> connect_to(const metadata::Endpoint& peer, const ConnectionOptions& options) {
  MDFS_TRY(auto fd, net::dial({peer.host, peer.port}, Clock::now() + options.connect_timeout,
                              options.cancelled));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return fd;
}

}  // namespace

Error failure_of(const Frame& frame, const std::string& peer) {
  auto outcome = parse_outcome(frame.control);
  if (!outcome.ok()) return std::move(outcome).error();
  Error error = outcome->to_error();
  error.message = peer + ": " + error.message;
  return error;
}

Error unexpected_frame(const Frame& frame, const std::string& peer) {
  return {Errc::kProtocol, peer + ": unexpected " + std::string(to_string(frame.type)) + " frame"};
}

ClientConnection::ClientConnection(UniqueFd fd, std::string name, const ConnectionOptions& options,
                                   std::size_t buffer_bytes)
    : fd_(std::move(fd)),
      name_(std::move(name)),
      timeout_(options.progress_timeout),
      cancelled_(options.cancelled),
      last_progress_(Clock::now()),
      buffer_(new std::byte[buffer_bytes]),
      capacity_(buffer_bytes) {}

Result<std::unique_ptr<ClientConnection>> ClientConnection::open(const metadata::Endpoint& peer,
                                                                 const ConnectionOptions& options,
                                                                 std::size_t buffer_bytes,
                                                                 std::string_view first_frames) {
  std::string name = metadata::to_string(peer);
  MDFS_TRY(auto fd, connect_to(peer, options));
  auto first = options;
  if (first.handshake_timeout.count() > 0) first.progress_timeout = first.handshake_timeout;
  std::unique_ptr<ClientConnection> connection(
      new ClientConnection(std::move(fd), std::move(name), first, buffer_bytes));
  MDFS_CHECK(connection->shake_hands(options, first_frames));
  connection->timeout_ = options.progress_timeout;
  return connection;
}

Status ClientConnection::shake_hands(const ConnectionOptions& options,
                                     std::string_view first_frames) {
  std::string out;
  append_frame(out, FrameType::kHello, Hello{.cluster = options.cluster});
  out.append(first_frames);
  iovec part{out.data(), out.size()};
  MDFS_CHECK(send(std::span(&part, 1), [] { return Status(); }));
  note_progress();
  for (;;) {
    MDFS_TRY(auto frame, parse_frame(received()));
    if (frame && frame->type == FrameType::kFailure) return failure_of(*frame, name_);
    if (frame && frame->type != FrameType::kWelcome) return unexpected_frame(*frame, name_);
    if (frame) {
      MDFS_TRY([[maybe_unused]] const auto welcome, parse_welcome(frame->control));
      consume(frame->total_bytes());
      return {};
    }
    MDFS_CHECK(fill());
  }
}

Error ClientConnection::lost(std::string_view why) const {
  return {Errc::kUnavailable, name_ + ": connection lost: " + std::string(why)};
}

void ClientConnection::note_progress() { last_progress_ = Clock::now(); }

Result<short> ClientConnection::wait_for(short events) {
  const short ready = poll_until(fd_.get(), events, last_progress_ + timeout_, cancelled_);
  if (is_set(cancelled_)) return Error{Errc::kCancelled, name_ + ": cancelled"};
  if (ready == 0) {
    return Error{Errc::kTimedOut,
                 name_ + ": no progress for " + std::to_string(timeout_.count()) + " ms"};
  }
  return ready;
}

Status ClientConnection::wait_to_send(int error, short& events,
                                      const std::function<Status()>& on_received) {
  if (error == EINTR) return {};
  if (error == EAGAIN) {
    MDFS_TRY(const short ready, wait_for(events));
    if ((ready & POLLIN) == 0) return {};
    MDFS_TRY(const bool grown, try_fill());
    if (!grown) events = POLLOUT;  // The buffer is full.
    return on_received();
  }
  // The peer may have said why before it closed.
  while (true) {
    auto grown = try_fill();
    if (!grown.ok() || !*grown) break;
    MDFS_CHECK(on_received());
  }
  return lost(std::strerror(error));
}

Status ClientConnection::send(std::span<iovec> parts, const std::function<Status()>& on_received) {
  note_progress();
  short events = POLLOUT | POLLIN;
  while (!parts.empty()) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = std::min<std::size_t>(parts.size(), 64);
    const ssize_t count = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (count < 0) {
      MDFS_CHECK(wait_to_send(errno, events, on_received));
      continue;
    }
    note_progress();
    auto sent = static_cast<std::size_t>(count);
    while (!parts.empty() && sent >= parts.front().iov_len) {
      sent -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (!parts.empty()) {
      parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + sent;
      parts.front().iov_len -= sent;
    }
  }
  return {};
}

void ClientConnection::send_if_idle(std::string_view frame) {
  int waiting = 0;
  if (::ioctl(fd_.get(), SIOCOUTQ, &waiting) != 0 || waiting > 0) return;
  // A few bytes into an empty buffer go whole or not at all.
  static_cast<void>(::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
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
    const ssize_t count = ::recv(fd_.get(), buffer_.get() + end_, capacity_ - end_, 0);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      return true;
    }
    if (count == 0) return lost("closed by the peer");
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return lost(std::strerror(errno));
  }
}

Status ClientConnection::fill() {
  for (;;) {
    MDFS_TRY(const bool grown, try_fill());
    if (grown) return {};
    MDFS_TRY([[maybe_unused]] const short ready, wait_for(POLLIN));
  }
}

Result<bool> ClientConnection::fill_within(std::chrono::milliseconds limit) {
  const auto deadline = std::min(Clock::now() + limit, last_progress_ + timeout_);
  for (;;) {
    MDFS_TRY(const bool grown, try_fill());
    if (grown) return true;
    if (poll_until(fd_.get(), POLLIN, deadline, cancelled_) == 0) return false;
  }
}

void ClientConnection::consume(std::size_t bytes) {
  MDFS_ASSERT(bytes <= end_ - begin_);
  begin_ += bytes;
}

}  // namespace minidfs::transfer
