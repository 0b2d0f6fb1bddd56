// Names, addresses and connections when some of them do not answer. The resolver of this program
// can be made to hang.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/system/system_error.hpp>
#include <boost/throw_exception.hpp>
#include <catch2/catch.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "net/dial.hpp"
#include "net/dialer.hpp"
#include "net/listen.hpp"

namespace {

std::mutex mutex;
// Never destroyed, which would wait for those that hang at the program's end.
std::condition_variable& released = *new std::condition_variable;
bool hanging = true;

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** list) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const bool numeric = hints != nullptr && (hints->ai_flags & AI_NUMERICHOST) != 0;
  if (!numeric && name != nullptr && std::strcmp(name, "hangs") == 0) {
    std::unique_lock lock(mutex);
    released.wait(lock, [] { return !hanging; });
    return EAI_NONAME;
  }
  return real(name, service, hints, list);
}

namespace minidfs::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline in(milliseconds time) { return std::chrono::steady_clock::now() + time; }

// An address that takes no connections and refuses none: its queue is full.
class Silent {
 public:
  Silent() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto& ip = reinterpret_cast<sockaddr_in&>(address_.bytes);
    ip.sin_family = AF_INET;
    ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_.size = sizeof ip;
    REQUIRE(::bind(fd_.get(), address_.get(), address_.size) == 0);
    REQUIRE(::listen(fd_.get(), 0) == 0);
    socklen_t size = sizeof ip;
    REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address_.bytes), &size) == 0);
    for (int i = 0; i < 4; ++i) {
      fill_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fill_.back().get(), address_.get(), address_.size);
    }
  }
  const Address& address() const { return address_; }

 private:
  UniqueFd fd_;
  Address address_;
  std::vector<UniqueFd> fill_;
};

Address address_of(const Listening& listening) {
  auto found = look_up({"127.0.0.1", listening.port}, in(seconds(5)));
  REQUIRE(found.ok());
  REQUIRE(found->size() == 1);
  return found->front();
}

Listening listening_on(const std::string& name) {
  auto listening = listen_on({name, 0}, in(seconds(20)));
  INFO((listening.ok() ? "" : listening.error().message));
  REQUIRE(listening.ok());
  return *std::move(listening);
}

TEST_CASE("An address that is silent does not keep the next one from its turn") {
  const Silent silent;
  const auto good = listening_on("127.0.0.1");
  const std::vector<Address> addresses{silent.address(), silent.address(), address_of(good)};
  const auto fd = dial({"some", 1}, addresses, in(seconds(20)));
  REQUIRE(fd.ok());
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  REQUIRE(::getpeername(fd->get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0);
  CHECK(ntohs(peer.sin_port) == good.port);
}

TEST_CASE("An address that refuses gives way at once, and the last reason is told") {
  std::uint16_t closed_port = 0;
  Address refusing;
  {
    const auto closed = listening_on("127.0.0.1");
    closed_port = closed.port;
    refusing = address_of(closed);
  }
  const auto good = listening_on("127.0.0.1");
  CHECK(dial({"some", 1}, std::vector<Address>{refusing, address_of(good)}, in(seconds(20))).ok());
  const auto refused = dial({"127.0.0.1", closed_port}, in(seconds(20)));
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == Errc::kUnavailable);
  CHECK(refused.error().message.starts_with("127.0.0.1:" + std::to_string(closed_port)));
}

TEST_CASE("Nothing is waited for beyond the deadline, and nothing once it is cancelled") {
  const Silent silent;
  const std::vector<Address> addresses{silent.address()};
  CHECK(dial({"some", 1}, addresses, in(milliseconds(50))).error().code == Errc::kTimedOut);
  const std::atomic<bool> cancelled{true};
  CHECK(dial({"some", 1}, addresses, in(seconds(60)), &cancelled).error().code == Errc::kCancelled);
}

TEST_CASE("Many are dialed on one thread, and those that are silent hold nobody up") {
  const Silent silent;
  const auto good = listening_on("127.0.0.1");
  asio::io_context io(1);
  struct Dialed {
    explicit Dialed(asio::io_context& loop) : dialer(loop.get_executor()) {}
    Dialer dialer;
    std::optional<Result<UniqueFd>> result;
  };
  std::deque<Dialed> dials;
  std::size_t ended = 0;
  const auto start = [&](Host host, std::vector<Address> addresses, Deadline deadline) {
    auto& dial = dials.emplace_back(io);
    asio::co_spawn(
        io,
        [&dial, host, addresses, deadline]() -> asio::awaitable<void> {
          auto& dialer = dial.dialer;
          auto operation = addresses.empty() ? dialer.connect(host, deadline)
                                             : dialer.connect(host, addresses, deadline);
          auto result = co_await std::move(operation);
          dial.result.emplace(std::move(result));
        },
        [&](const std::exception_ptr&) { ++ended; });
  };
  for (int i = 0; i < 10; ++i) {
    start({"some", 1}, {silent.address()}, in(seconds(3600)));
    start({"hangs", 1}, {}, in(seconds(3600)));
  }
  for (int i = 0; i < 10; ++i) start({"some", 1}, {silent.address()}, in(milliseconds(50)));
  for (int i = 0; i < 10; ++i) start({"hangs", 1}, {}, in(milliseconds(50)));
  for (int i = 0; i < 30; ++i) start({"127.0.0.1", good.port}, {}, in(seconds(20)));
  while (ended < 50) io.run_one();
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK(!dials[i].result);
    dials[i].dialer.cancel();
  }
  io.run();
  REQUIRE(ended == 70);
  const auto code_of = [](const Dialed& dial) { return dial.result->error().code; };
  for (std::size_t i = 0; i < 20; ++i) CHECK(code_of(dials[i]) == Errc::kCancelled);
  for (std::size_t i = 20; i < 40; ++i) CHECK(code_of(dials[i]) == Errc::kTimedOut);
  for (std::size_t i = 40; i < 70; ++i) CHECK(dials[i].result->ok());
}

TEST_CASE("Without descriptors nobody is dialed, and that is an error like another") {
  const auto good = listening_on("127.0.0.1");
  // UBSan opens a pipe when it looks at a type for the first time: here it has seen them all.
  REQUIRE(dial({"127.0.0.1", good.port}, in(seconds(20))).ok());
  const boost::system::error_code none_left(EMFILE, boost::system::system_category());
  CHECK_THROWS(boost::throw_exception(boost::system::system_error(none_left, "as Asio throws it")));
  const auto left = GENERATE(rlim_t{0}, rlim_t{1}, rlim_t{2}, rlim_t{3});
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const auto next = static_cast<rlim_t>(::dup(0));
  ::close(static_cast<int>(next));
  const rlimit lower{next + left, limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
  const auto fd = dial({"127.0.0.1", good.port}, in(seconds(20)));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(!fd.ok());
  CHECK(fd.error().code == Errc::kUnavailable);
}

TEST_CASE("A look-up that hangs ends at its deadline, and many of them do not grow in number") {
  CHECK(look_up({"hangs", 1}, in(milliseconds(50))).error().code == Errc::kTimedOut);
  const std::atomic<bool> cancelled{true};
  CHECK(look_up({"hangs", 1}, in(seconds(60)), &cancelled).error().code == Errc::kCancelled);
  Errc code = Errc::kTimedOut;
  for (int i = 0; i < 100 && code == Errc::kTimedOut; ++i) {
    code = look_up({"hangs", 1}, in(milliseconds(1))).error().code;
  }
  CHECK(code == Errc::kUnavailable);
  // Numeric addresses need no thread.
  CHECK(look_up({"::1", 1}, in(seconds(20))).ok());
  {
    const std::lock_guard lock(mutex);
    hanging = false;
  }
  released.notify_all();
  // They end, and names are looked up again.
  const auto deadline = in(seconds(20));
  auto found = look_up({"localhost", 1}, deadline);
  while (!found.ok() && std::chrono::steady_clock::now() < deadline) {
    found = look_up({"localhost", 1}, deadline);
  }
  CHECK(found.ok());
}

TEST_CASE("Every address of a name is listened on, with one port") {
  const auto addresses = look_up({"localhost", 0}, in(seconds(20)));
  REQUIRE(addresses.ok());
  const auto listening = listening_on("localhost");
  CHECK(!listening.sockets.empty());
  for (const auto& address : *addresses) {
    // An address of a family that this machine lacks is left out.
    UniqueFd probe(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe || ::bind(probe.get(), address.get(), address.size) != 0) continue;
    Address with_port = address;
    with_port.set_port(listening.port);
    CHECK(
        dial({"localhost", listening.port}, std::vector<Address>{with_port}, in(seconds(20))).ok());
  }
}

TEST_CASE("A port in use is refused by name") {
  const auto first = listening_on("127.0.0.1");
  const auto second = listen_on({"127.0.0.1", first.port}, in(seconds(20)));
  REQUIRE(!second.ok());
  CHECK(second.error().code == Errc::kInUse);
  CHECK(second.error().message.find(to_string(Host{"127.0.0.1", first.port})) != std::string::npos);
}

TEST_CASE(
    "A port that is held is nobody else's, and refuses who connects until it is listened on") {
  const Host any{"127.0.0.1", 0};
  const auto held = hold_port(any, in(seconds(20)));
  REQUIRE(held.ok());
  CHECK(held->port != 0);
  const std::vector<Address> addresses{address_of(*held)};
  CHECK(dial(any, addresses, in(seconds(20))).error().code == Errc::kUnavailable);
  for (int i = 0; i < 100; ++i) CHECK(listening_on("127.0.0.1").port != held->port);
  REQUIRE(start_listening(*held, any).ok());
  CHECK(dial(any, addresses, in(seconds(20))).ok());
}

}  // namespace
}  // namespace minidfs::net
