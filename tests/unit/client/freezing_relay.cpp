#include "unit/client/freezing_relay.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>

namespace minidfs::client {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

FreezingRelay::FreezingRelay(std::uint16_t target_port)
    : target_port_(target_port),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  auto address = loopback(0);
  REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener_.get(), 64) == 0);
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

FreezingRelay::~FreezingRelay() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void FreezingRelay::accept_one() {
  UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  UniqueFd target(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(target_port_);
  if (!client || !target ||
      ::connect(target.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return;
  }
  links_.push_back({std::move(client), std::move(target), {}, {}});
}

bool FreezingRelay::pass_on(int from, int to, std::string& waiting,
                            std::atomic<std::uint64_t>& counter) {
  if (waiting.empty()) {
    std::array<char, 64 * 1024> buffer;
    const auto count = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return false;
    waiting.assign(buffer.data(), static_cast<std::size_t>(count));
  }
  const auto sent = ::send(to, waiting.data(), waiting.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN;
  waiting.erase(0, static_cast<std::size_t>(sent));
  counter += static_cast<std::uint64_t>(sent);
  return true;
}

bool FreezingRelay::pass_on(Link& link) {
  return pass_on(link.client.get(), link.target.get(), link.to_target, requested_bytes_) &&
         (muted_ || answered_bytes_ >= freeze_after_ ||
          pass_on(link.target.get(), link.client.get(), link.to_client, answered_bytes_));
}

void FreezingRelay::run() {
  const auto events = [](const std::string& taken, const std::string& to_give) {
    return static_cast<short>((taken.empty() ? POLLIN : 0) | (to_give.empty() ? 0 : POLLOUT));
  };
  for (;;) {
    std::vector<pollfd> entries{{stop_.get(), POLLIN, 0}};
    const bool frozen = answered_bytes_ >= freeze_after_;
    if (!frozen) {
      entries.push_back({listener_.get(), POLLIN, 0});
      for (const auto& link : links_) {
        entries.push_back({link.client.get(), events(link.to_target, link.to_client), 0});
        const auto answers = events(link.to_client, link.to_target);
        const auto taken = static_cast<short>(muted_ ? answers & ~POLLIN : answers);
        entries.push_back({link.target.get(), taken, 0});
      }
    }
    ::poll(entries.data(), entries.size(), frozen ? -1 : 10);
    if (entries[0].revents != 0) return;
    if (frozen) continue;
    std::vector<Link> kept;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const auto& client = entries[2 + 2 * i];
      const auto& target = entries[3 + 2 * i];
      // An end that is gone and from which nothing is read now.
      const bool gone = ((client.revents & POLLHUP) != 0 && (client.events & POLLIN) == 0) ||
                        ((target.revents & POLLHUP) != 0 && (target.events & POLLIN) == 0);
      const bool ready = client.revents != 0 || target.revents != 0;
      if (!gone && (!ready || pass_on(links_[i]))) kept.push_back(std::move(links_[i]));
    }
    links_ = std::move(kept);
    if (entries[1].revents != 0) accept_one();
  }
}

}  // namespace minidfs::client
