#include "actors/tcp.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/units.hpp"

namespace minidfs::actors {
namespace {

std::string reason(int error_number) { return std::generic_category().message(error_number); }

constexpr std::int64_t kLongestWaitMs = 60'000;
constexpr std::int64_t kCancelLookMs = 20;

// Waits for `events`; 0 when they came, otherwise ETIMEDOUT, ECANCELED or the error of poll.
int wait_for(int fd, short events, Deadline deadline, const std::atomic<bool>* cancelled) {
  while (true) {
    if (cancelled != nullptr && *cancelled) return ECANCELED;
    const auto now = std::chrono::steady_clock::now();
    if (deadline <= now) return ETIMEDOUT;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    const auto most = cancelled == nullptr ? kLongestWaitMs : kCancelLookMs;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min(left.count(), most)));
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return errno;
  }
}

Error stream_error(int error_number) {
  if (error_number == ETIMEDOUT) return Error{Errc::kTimedOut, "no answer in time"};
  if (error_number == ECANCELED) return Error{Errc::kCancelled, "cancelled"};
  return Error{Errc::kUnavailable, reason(error_number)};
}

}  // namespace

std::string peer_text(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getpeername(fd, generic, &size) != 0 ||
      ::getnameinfo(generic, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "an unknown peer";
  }
  return format_host_port(host, static_cast<std::uint16_t>(parse_number(port).value_or(0)));
}

Status send_all(int fd, std::span<const std::byte> bytes, Deadline deadline,
                const std::atomic<bool>* cancelled) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (const int error = wait_for(fd, POLLOUT, deadline, cancelled); error != 0) {
        return stream_error(error);
      }
    } else if (sent < 0 && errno != EINTR) {
      return stream_error(errno);
    }
  }
  return {};
}

Status receive_all(int fd, std::span<std::byte> bytes, Deadline deadline,
                   const std::atomic<bool>* cancelled) {
  while (!bytes.empty()) {
    const auto received = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (received > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(received));
    } else if (received == 0) {
      return Error{Errc::kUnavailable, "the connection was closed by the other side"};
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const int error = wait_for(fd, POLLIN, deadline, cancelled); error != 0) {
        return stream_error(error);
      }
    } else if (errno != EINTR) {
      return stream_error(errno);
    }
  }
  return {};
}

void tune_control_socket(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  // A quiet connection is probed after 5 s and ends after 3 probes 2 s apart without an answer;
  // one with data on its way ends when nothing was acknowledged for 10 s.
  const int idle_seconds = 5;
  const int interval_seconds = 2;
  const int probe_count = 3;
  const unsigned unacknowledged_milliseconds = 10'000;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof(idle_seconds));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof(interval_seconds));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probe_count, sizeof(probe_count));
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_milliseconds,
               sizeof(unacknowledged_milliseconds));
}

}  // namespace minidfs::actors
