#include "cluster/hostile_peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "actors/admission_format.hpp"
#include "cluster/process.hpp"

namespace minidfs::test {
namespace {

constexpr int kPatienceMs = 5000;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    FAIL("cannot connect to port " << port << ": " << std::strerror(errno));
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

bool ready(int fd, short events) {
  pollfd wanted{fd, events, 0};
  return ::poll(&wanted, 1, kPatienceMs) == 1;
}

template <std::size_t kSize>
std::string text(const std::array<std::byte, kSize>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), kSize};
}

// Passes bytes on in both directions until either side closes; returns what `client` sent.
std::string relay(int client, int server) {
  std::string said;
  char buffer[65536];
  for (;;) {
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(both, 2, kPatienceMs) <= 0) return said;
    for (int i = 0; i < 2; ++i) {
      if (both[i].revents == 0) continue;
      const ssize_t count = ::recv(both[i].fd, buffer, sizeof buffer, 0);
      if (count <= 0) return said;
      if (i == 0) said.append(buffer, static_cast<std::size_t>(count));
      const auto size = static_cast<std::size_t>(count);
      if (::send(both[1 - i].fd, buffer, size, MSG_NOSIGNAL) != count) return said;
    }
  }
}

std::uint64_t status_bytes(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) return std::stoull(line.substr(field.size() + 1)) * 1024;
  }
  FAIL("no " << field << " of process " << pid);
  return 0;
}

}  // namespace

HostilePeer::HostilePeer(std::uint16_t port) : fd_(connect_to(port)) {}

bool HostilePeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!ready(fd_.get(), POLLOUT)) return false;
    const ssize_t count =
        ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN) return false;
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string HostilePeer::receive(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count && ready(fd_.get(), POLLIN)) {
    const ssize_t got = ::recv(fd_.get(), bytes.data() + filled, count - filled, 0);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

bool HostilePeer::closed() {
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) return true;
  }
}

void HostilePeer::drain() {
  char buffer[65536];
  for (std::size_t left = 16 << 20; left > 0 && ready(fd_.get(), POLLIN);) {
    const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (count <= 0) return;
    left -= std::min(left, static_cast<std::size_t>(count));
  }
}

void HostilePeer::close_half() { ::shutdown(fd_.get(), SHUT_WR); }

void HostilePeer::vanish() {
  // A socket in repair mode is closed without a word to its peer. Needs CAP_NET_ADMIN.
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
  fd_ = UniqueFd();
}

HostilePeer admitted_peer(std::uint16_t port, std::mt19937_64& random, std::string conversation) {
  actors::Hello hello;
  hello.process = actors::ProcessId{random(), random()};
  const std::string greeting = text(actors::encode_hello(hello));
  const std::string id = greeting.substr(32, 16);
  const auto mark = conversation.find(kProcessMark);
  if (mark != std::string::npos) conversation.replace(mark, id.size(), id);
  HostilePeer peer(port);
  peer.send(greeting);
  if (peer.receive(actors::kReplyBytes).size() == actors::kReplyBytes) {
    peer.send(text(actors::encode_confirmation(actors::Confirmation::kAdd)) + conversation);
  }
  return peer;
}

std::string recorded_conversation(std::uint16_t port) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback(0);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const auto here = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  std::string said;
  std::thread proxy([&] {
    const UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const UniqueFd server = connect_to(port);
    said = relay(client.get(), server.get());
  });
  const auto listing = run({MINIDFS_BINARY, "ls", "/"}, {"MINIDFS_NAMENODE=" + here});
  proxy.join();
  REQUIRE(listing.exit_code == 0);
  REQUIRE(said.size() > actors::kHelloBytes + actors::kConfirmationBytes);
  const std::string process = said.substr(32, 16);
  said.erase(0, actors::kHelloBytes + actors::kConfirmationBytes);
  for (auto at = said.find(process); at != std::string::npos; at = said.find(process, at)) {
    said.replace(at, process.size(), kProcessMark);
  }
  return said;
}

void mutate(std::string& bytes, std::mt19937_64& random) {
  if (bytes.empty()) bytes.push_back('\0');
  const std::size_t at = random() % bytes.size();
  switch (random() % 6) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 1:
      bytes[at] = static_cast<char>(random());
      break;
    case 2:
      bytes.resize(at + 1);
      break;
    case 3:
      bytes.insert(at, bytes.substr(at, random() % 64));
      break;
    case 4:
      for (std::size_t i = at; i < std::min(at + 8, bytes.size()); ++i) bytes[i] = '\xff';
      break;
    default:
      for (std::size_t i = at; i < std::min(at + 16, bytes.size()); ++i) {
        bytes[i] = static_cast<char>(random());
      }
  }
}

std::size_t connections_allowed(std::size_t wanted) {
  constexpr std::size_t kOwn = 500;  // Files and connections of the roles' and the test's own.
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur >= wanted + kOwn) return wanted;
  WARN("only " << limit.rlim_cur << " open files are allowed here, so with fewer connections");
  return limit.rlim_cur > 2 * kOwn ? limit.rlim_cur - kOwn : limit.rlim_cur / 2;
}

MemoryWatch::MemoryWatch(pid_t pid) : pid_(pid), before_bytes_(status_bytes(pid, "VmRSS")) {
  // Lowers the peak to what is resident now.
  std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << "5";
}

std::uint64_t MemoryWatch::growth_bytes() const {
  const std::uint64_t peak = status_bytes(pid_, "VmHWM");
  return peak - std::min(peak, before_bytes_);
}

std::vector<std::string> without_quarantine() {
  return {"ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64"};
}

}  // namespace minidfs::test
