#include "net/dial.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace minidfs::net {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// RFC 8305, section 5: the next address is tried beside the first after 250 ms; sooner when there
// are too many addresses for the time.
constexpr milliseconds kStagger{250};
constexpr milliseconds kLook{100};

// The tries of one dial that are under way.
class Dial {
 public:
  Dial(std::span<const Address> addresses, Deadline deadline)
      : left_(addresses), deadline_(deadline), next_(Clock::now()) {
    const auto time = std::chrono::duration_cast<milliseconds>(deadline - next_);
    const auto share = time / (static_cast<std::int64_t>(addresses.size()) + 1);
    stagger_ = std::clamp(share, milliseconds(1), kStagger);
  }

  // None while there is hope; then the socket, or no socket and error() when all have failed.
  bool step() {
    while (!left_.empty() && (tries_.empty() || Clock::now() >= next_)) start_next();
    return connected_ || (tries_.empty() && left_.empty());
  }
  // Sleeps until a try has ended, the next is due, or `limit`.
  void wait(Deadline limit) {
    auto until = std::min(limit, deadline_);
    if (!left_.empty()) until = std::min(until, next_);
    const auto wait_ms = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    const int count = ::poll(tries_.data(), tries_.size(),
                             static_cast<int>(std::clamp<std::int64_t>(wait_ms, 0, 60'000)));
    if (count <= 0) return;
    for (std::size_t i = tries_.size(); i-- > 0;) {
      if (tries_[i].revents != 0) finish(i);
    }
  }
  UniqueFd take() { return std::move(connected_); }
  int error() const { return error_; }

 private:
  void start_next() {
    const Address& address = left_.front();
    left_ = left_.subspan(1);
    next_ = Clock::now() + stagger_;
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      error_ = errno;
    } else if (::connect(fd.get(), address.get(), address.size) == 0) {
      if (!connected_) connected_ = std::move(fd);
      left_ = {};
    } else if (errno == EINPROGRESS || errno == EINTR) {
      tries_.push_back({fd.get(), POLLOUT, 0});
      sockets_.push_back(std::move(fd));
    } else {
      error_ = errno;
    }
  }

  void finish(std::size_t index) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(tries_[index].fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0 && !connected_) connected_ = std::move(sockets_[index]);
    if (error != 0) error_ = error;
    tries_.erase(tries_.begin() + static_cast<std::ptrdiff_t>(index));
    sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  std::span<const Address> left_;
  Deadline deadline_;
  Deadline next_;  // When the next address is due.
  milliseconds stagger_{};
  std::vector<pollfd> tries_;
  std::vector<UniqueFd> sockets_;  // Of tries_.
  UniqueFd connected_;
  int error_ = EADDRNOTAVAIL;
};

}  // namespace

Result<UniqueFd> dial(const Host& host, std::span<const Address> addresses, Deadline deadline,
                      const std::atomic<bool>* cancelled) {
  Dial dial(addresses, deadline);
  while (!dial.step()) {
    if (cancelled != nullptr && *cancelled) {
      return Error{Errc::kCancelled, to_string(host) + ": cancelled"};
    }
    if (Clock::now() >= deadline) {
      return Error{Errc::kTimedOut, to_string(host) + ": no answer to connect"};
    }
    dial.wait(cancelled == nullptr ? deadline : Clock::now() + kLook);
  }
  if (UniqueFd fd = dial.take()) return fd;
  return Error{Errc::kUnavailable, to_string(host) + ": " + std::strerror(dial.error())};
}

Result<UniqueFd> dial(const Host& host, Deadline deadline, const std::atomic<bool>* cancelled) {
  MDFS_TRY(const auto addresses, look_up(host, deadline, cancelled));
  return dial(host, addresses, deadline, cancelled);
}

}  // namespace minidfs::net
