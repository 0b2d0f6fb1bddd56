#include "net/dialer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <memory>
#include <span>

#include "net/wait.hpp"

namespace minidfs::net {
namespace {

using Clock = std::chrono::steady_clock;
using asio::ip::tcp;
using std::chrono::milliseconds;

// RFC 8305, section 5: the next address is tried beside the first after 250 ms; sooner when there
// are too many addresses for the time.
constexpr milliseconds kStagger{250};

milliseconds stagger_of(std::size_t addresses, Clock::duration time) {
  const auto share =
      std::chrono::duration_cast<milliseconds>(time) / (static_cast<std::int64_t>(addresses) + 1);
  return std::clamp(share, milliseconds(1), kStagger);
}

tcp::endpoint endpoint_of(const Address& address) {
  tcp::endpoint endpoint;
  endpoint.resize(address.size);
  std::memcpy(endpoint.data(), address.get(), address.size);
  return endpoint;
}

}  // namespace

// The tries of one dial. The handlers of its sockets keep it.
struct Dialer::Tries : std::enable_shared_from_this<Dialer::Tries> {
  explicit Tries(Dialer& owner) : dialer(&owner) {}

  void start(const Address& address) {
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      error = errno;
      return;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    const auto endpoint = endpoint_of(address);
    const auto at = under_way.emplace(under_way.end(), dialer->executor_);
    boost::system::error_code failed;
    at->assign(endpoint.protocol(), fd.get(), failed);
    if (failed) {
      error = failed.value();
      under_way.erase(at);
      return;
    }
    fd.release();
    at->async_connect(endpoint, [self = shared_from_this(), at](const auto& outcome) {
      self->ended(at, outcome);
    });
  }

  void ended(std::list<tcp::socket>::iterator at, const boost::system::error_code& outcome) {
    if (dialer == nullptr) return;  // And so is the socket.
    boost::system::error_code ignored;
    if (outcome) {
      error = outcome.value();
    } else if (!connected) {
      connected.reset(at->release(ignored));
    }
    under_way.erase(at);
    dialer->wake_.cancel();
  }

  void end() {
    dialer = nullptr;
    under_way.clear();
  }

  Dialer* dialer;  // Null when the dial is over.
  std::list<tcp::socket> under_way;
  UniqueFd connected;
  int error = EADDRNOTAVAIL;  // The last one.
};

struct Dialer::EndOfTries {
  ~EndOfTries() { tries->end(); }
  std::shared_ptr<Tries> tries;
};

void Dialer::cancel() {
  cancelled_ = true;
  if (found_ != nullptr) found_->cancel();
  wake_.cancel();
}

asio::awaitable<Result<UniqueFd>> Dialer::connect(Host host, Deadline deadline) {
  Answer<Addresses> found(executor_);
  start_look_up(host, found.giver());
  found_ = &found;
  auto addresses = co_await found.take(deadline);
  found_ = nullptr;
  if (cancelled_) co_return Error{Errc::kCancelled, to_string(host) + ": cancelled"};
  if (!addresses) {
    co_return Error{Errc::kTimedOut, to_string(host) + ": no answer to the look-up of its name"};
  }
  if (!addresses->ok()) co_return std::move(*addresses).error();
  auto connected = co_await connect(std::move(host), **std::move(addresses), deadline);
  co_return connected;
}

asio::awaitable<Result<UniqueFd>> Dialer::connect(Host host, std::vector<Address> addresses,
                                                  Deadline deadline) {
  const auto tries = std::make_shared<Tries>(*this);
  const EndOfTries end{tries};
  std::span<const Address> left = addresses;
  auto next = Clock::now();  // When the next one is due.
  const auto stagger = stagger_of(addresses.size(), deadline - next);
  for (;;) {
    while (!tries->connected && !left.empty() &&
           (tries->under_way.empty() || Clock::now() >= next)) {
      tries->start(left.front());
      left = left.subspan(1);
      next = Clock::now() + stagger;
    }
    if (tries->connected) co_return std::move(tries->connected);
    if (tries->under_way.empty()) {
      co_return Error{Errc::kUnavailable, to_string(host) + ": " + std::strerror(tries->error)};
    }
    if (cancelled_) co_return Error{Errc::kCancelled, to_string(host) + ": cancelled"};
    if (Clock::now() >= deadline) {
      co_return Error{Errc::kTimedOut, to_string(host) + ": no answer to connect"};
    }
    wake_.expires_at(left.empty() ? deadline : std::min(deadline, next));
    co_await net::wait(wake_);
  }
}

}  // namespace minidfs::net
