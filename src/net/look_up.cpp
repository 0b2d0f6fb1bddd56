#include "net/look_up.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

#include "base/units.hpp"

namespace minidfs::net {
namespace {

constexpr int kThreadsMax = 64;
constexpr std::chrono::milliseconds kLook{100};

std::atomic<int> threads{0};

// `flags` of getaddrinfo. kNotFound, for want of a better code, when it is no numeric address.
Addresses ask(const Host& host, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV | (host.name.empty() ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.name.empty() ? nullptr : host.name.c_str(),
                                 std::to_string(host.port).c_str(), &hints, &list);
  if (code != 0) {
    return Error{code == EAI_NONAME ? Errc::kNotFound : Errc::kUnavailable, ::gai_strerror(code)};
  }
  std::vector<Address> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address address;
    std::memcpy(&address.bytes, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    // A hosts file may name one twice.
    const bool known = std::any_of(addresses.begin(), addresses.end(), [&](const Address& other) {
      return std::memcmp(&other.bytes, &address.bytes, sizeof address.bytes) == 0;
    });
    if (!known) addresses.push_back(address);
  }
  ::freeaddrinfo(list);
  return addresses;
}

Addresses named(const Host& host, Addresses addresses) {
  if (addresses.ok()) return addresses;
  return Error{Errc::kUnavailable, to_string(host) + ": the host name cannot be resolved: " +
                                       addresses.error().message};
}

}  // namespace

bool Address::is_loopback() const {
  if (family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(bytes);
    return ntohl(v4.sin_addr.s_addr) >> 24U == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(bytes).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void Address::set_port(std::uint16_t port) {
  if (family() == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(bytes).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(bytes).sin_port = htons(port);
  }
}

std::string to_string(const Host& host) { return format_host_port(host.name, host.port); }

void start_look_up(const Host& host, std::function<void(Addresses)> done) {
  auto numeric = ask(host, AI_NUMERICHOST);
  if (numeric.ok()) {
    done(std::move(numeric));
    return;
  }
  if (threads.fetch_add(1) >= kThreadsMax) {
    threads.fetch_sub(1);
    done(Error{Errc::kUnavailable, to_string(host) + ": " + std::to_string(kThreadsMax) +
                                       " look-ups of host names hang already"});
    return;
  }
  const auto run = [host, done] {
    auto found = named(host, ask(host, 0));
    threads.fetch_sub(1);
    done(std::move(found));
  };
  try {
    std::thread(run).detach();
  } catch (const std::system_error& error) {
    threads.fetch_sub(1);
    done(Error{Errc::kUnavailable, to_string(host) + ": no thread to look it up: " + error.what()});
  }
}

Addresses look_up(const Host& host, Deadline deadline, const std::atomic<bool>* cancelled) {
  const auto promise = std::make_shared<std::promise<Addresses>>();
  auto answer = promise->get_future();
  start_look_up(host, [promise](Addresses found) { promise->set_value(std::move(found)); });
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const auto until = cancelled == nullptr ? deadline : std::min(deadline, now + kLook);
    if (answer.wait_until(until) == std::future_status::ready) return answer.get();
    if (cancelled != nullptr && *cancelled) {
      return Error{Errc::kCancelled, to_string(host) + ": cancelled"};
    }
    if (now >= deadline) {
      return Error{Errc::kTimedOut, to_string(host) + ": no answer to the look-up of its name"};
    }
  }
}

}  // namespace minidfs::net
