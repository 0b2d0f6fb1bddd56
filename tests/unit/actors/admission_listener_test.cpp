#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

#include "actors/tcp.hpp"
#include "net/listen.hpp"
#include "net/look_up.hpp"
#include "unit/actors/admission_peers.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using namespace minidfs::actors::test;
using namespace std::chrono_literals;

namespace {

// Keeps what the listener admits, in place of CAF.
class Admitted {
 public:
  ControlListener::Admit sink() {
    return [this](AdmittedConnection connection) {
      const std::lock_guard lock(mutex_);
      connections_.push_back(std::move(connection));
      arrived_.notify_all();
    };
  }

  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, kPatience, [&] { return connections_.size() >= count; });
  }

  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return connections_.size();
  }

  void close_first() {
    const std::lock_guard lock(mutex_);
    connections_.pop_front();
  }

  void close_all() {
    const std::lock_guard lock(mutex_);
    connections_.clear();
  }

  // REQUIRES: wait_for() has returned true, and no more are on their way.
  const std::list<AdmittedConnection>& connections() const { return connections_; }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::list<AdmittedConnection> connections_;
};

struct Gate {
  explicit Gate(AdmissionOptions options = {}) : listener(open_listener(std::move(options))) {
    listener->start(admitted.sink());
  }

  Result<DialedConnection> dial(DialOptions options = {}) {
    if (options.process.is_none()) options.process = kClient;
    return dial_control("127.0.0.1", listener->port(), options);
  }

  // A good peer is let in.
  void check_open() {
    const auto before = admitted.count();
    const auto dialed = dial();
    REQUIRE(dialed.ok());
    REQUIRE(confirm_control(*dialed, Confirmation::kAdd).ok());
    REQUIRE(admitted.wait_for(before + 1));
  }

  Admitted admitted;
  std::unique_ptr<ControlListener> listener;
};

}  // namespace

TEST_CASE("a good peer is admitted and told the cluster") {
  Gate gate;
  const auto dialed = gate.dial({.role = auth::Role::kDatanode, .cluster = kCluster});
  REQUIRE(dialed.ok());
  CHECK(dialed->cluster == kCluster);
  CHECK(dialed->process == kServer);
  REQUIRE(confirm_control(*dialed, Confirmation::kAdd).ok());
  REQUIRE(gate.admitted.wait_for(1));
  CHECK(gate.admitted.connections().front().hello.role == auth::Role::kDatanode);
  CHECK(gate.admitted.connections().front().peer.starts_with("127.0.0.1:"));
  CHECK(gate.listener->stats().accepted == 1);
  CHECK(gate.listener->stats().admitted == 1);
  gate.admitted.close_all();
  CHECK(gate.listener->stats().admitted == 0);
}

namespace {

constexpr ProcessId kMembers{0xD1, 0xD2};

// A listener with a door for members, which lets in those that mean number 7.
struct MembersGate {
  MembersGate() {
    MemberDoor door;
    door.process = kMembers;
    door.judge = [](const Hello& hello) -> Status {
      if (hello.wanted == 7) return {};
      return Error{Errc::kNotFound, "is not the member that is wanted"};
    };
    door.claim = [this](const Hello& hello) -> Status {
      if (hello.member != refused) return {};
      return Error{Errc::kAlreadyExists, "somebody else is this member"};
    };
    door.admit = members.sink();
    listener->start(others.sink(), std::move(door));
  }

  Result<DialedConnection> dial(consensus::MemberId member, consensus::MemberId wanted = 7) {
    return dial_control(
        "127.0.0.1", listener->port(),
        {.role = auth::Role::kNamenode, .process = kClient, .member = member, .wanted = wanted});
  }

  const consensus::MemberId refused = 13;
  Admitted members;
  Admitted others;
  std::unique_ptr<ControlListener> listener = open_listener();
};

}  // namespace

TEST_CASE("members of the log come in by their own door, and are told another process") {
  MembersGate gate;
  const auto member = gate.dial(9);
  REQUIRE(member.ok());
  CHECK(member->process == kMembers);
  REQUIRE(confirm_control(*member, Confirmation::kAdd).ok());
  REQUIRE(gate.members.wait_for(1));
  const auto& admitted = gate.members.connections().front();
  CHECK(admitted.hello.member == 9);
  CHECK(admitted.slot.link() == Link{kMembers, kClient});
  CHECK(gate.listener->registry()->contains({kMembers, kClient}));
  // One that has yet to join, and all others, come in as before; the same process, too.
  const auto joiner = gate.dial(0, 0);
  REQUIRE(joiner.ok());
  CHECK(joiner->process == kServer);
  REQUIRE(confirm_control(*joiner, Confirmation::kAdd).ok());
  REQUIRE(gate.others.wait_for(1));
  CHECK(gate.listener->admitted_as(auth::Role::kNamenode)(kClient));
  CHECK(gate.members.count() == 1);
}

TEST_CASE("a member that the door does not want is refused with its reason") {
  MembersGate gate;
  const auto astray = gate.dial(9, 8);
  REQUIRE_FALSE(astray.ok());
  CHECK(astray.error().code == Errc::kNotFound);
  const auto double_of_another = gate.dial(gate.refused);
  REQUIRE(double_of_another.ok());
  REQUIRE(confirm_control(*double_of_another, Confirmation::kAdd).ok());
  CHECK(closed_by_peer(double_of_another->fd));
  CHECK(gate.members.count() == 0);
}

TEST_CASE("a member's connection takes the place of its process's older one, whatever it says") {
  MembersGate gate;
  const auto old = gate.dial(9);
  REQUIRE(confirm_control(*old, Confirmation::kAdd).ok());
  REQUIRE(gate.members.wait_for(1));
  const auto fresh = gate.dial(9);
  REQUIRE(confirm_control(*fresh, Confirmation::kAdd).ok());
  CHECK(closed_by_peer(old->fd));
  CHECK(gate.members.count() == 1);
  gate.members.close_first();
  REQUIRE(gate.members.wait_for(1));
  CHECK(gate.members.connections().front().hello.member == 9);
}

TEST_CASE("without a door members are refused") {
  Gate gate;
  const auto dialed = gate.dial({.role = auth::Role::kNamenode, .member = 9, .wanted = 7});
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kUnsupported);
  CHECK(gate.dial({.role = auth::Role::kNamenode}).ok());
}

TEST_CASE("a port in use is refused with its address") {
  const auto first = open_listener();
  AdmissionOptions options;
  options.port = first->port();
  const auto second = ControlListener::open(options);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == Errc::kInUse);
  CHECK(second.error().message == "127.0.0.1:" + std::to_string(first->port()) +
                                      ": the address is in use by another process");
}

TEST_CASE("a host name and an IPv6 address can be listened on and connected to") {
  const std::string host = GENERATE("localhost", "::1");
  AdmissionOptions options;
  options.host = host;
  auto listener = ControlListener::open(options);
  if (!listener.ok() && host == "::1") return;  // A machine without IPv6.
  REQUIRE(listener.ok());
  Admitted admitted;
  (*listener)->start(admitted.sink());
  const auto dialed = dial_control(host, (*listener)->port(), {});
  REQUIRE(dialed.ok());
}

TEST_CASE("every address of a name is listened on, of both families") {
  const auto addresses = net::look_up({"localhost", 0}, Deadline::max());
  REQUIRE(addresses.ok());
  AdmissionOptions options;
  options.host = "localhost";
  auto listener = ControlListener::open(options);
  REQUIRE(listener.ok());
  Admitted admitted;
  (*listener)->start(admitted.sink());
  for (const auto& address : *addresses) {
    // An address of a family that this machine lacks is left out.
    const UniqueFd probe(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe || ::bind(probe.get(), address.get(), address.size) != 0) continue;
    const std::string host = address.family() == AF_INET6 ? "::1" : "127.0.0.1";
    CHECK(dial_control(host, (*listener)->port(), {}).ok());
  }
}

TEST_CASE("a hello for another cluster is refused with both ids") {
  Gate gate;
  const ClusterId other{7, 8};
  const auto dialed = gate.dial({.cluster = other});
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kWrongCluster);
  CHECK(dialed.error().message.find(to_string(other)) != std::string::npos);
  CHECK(dialed.error().message.find(to_string(kCluster)) != std::string::npos);
  CHECK(gate.listener->stats().refused == 1);
  gate.check_open();
}

TEST_CASE("peers of the version before and of the next one are admitted") {
  Gate gate({.versions = {2, 1}});
  for (const auto& [versions, common] :
       {std::pair(InterfaceVersions{1, 1}, 1), std::pair(InterfaceVersions{2, 1}, 2),
        std::pair(InterfaceVersions{3, 2}, 2)}) {
    const auto dialed = gate.dial({.versions = versions});
    REQUIRE(dialed.ok());
    CHECK(dialed->version == common);
    CHECK(dialed->newest == 2);
  }
}

TEST_CASE("a peer without a version in common is refused, and both are named") {
  Gate gate({.versions = {2, 1}});
  for (const auto versions : {InterfaceVersions{4, 3}, InterfaceVersions{0, 0}}) {
    const auto dialed = gate.dial({.versions = versions});
    REQUIRE_FALSE(dialed.ok());
    CHECK(dialed.error().code == Errc::kUnsupported);
    CHECK(dialed.error().message == "127.0.0.1:" + std::to_string(gate.listener->port()) + ": " +
                                        common_version({2, 1}, versions).error().message);
  }
  CHECK(gate.listener->stats().refused == 2);
}

TEST_CASE("a listener of before there were versions is left by who connects") {
  const auto listening = net::listen_on({"127.0.0.1", 0}, Deadline::max());
  REQUIRE(listening.ok());
  std::thread server([&] {
    const int socket = listening->sockets.front().get();  // Does not block.
    pollfd called{socket, POLLIN, 0};
    CHECK(::poll(&called, 1, 10'000) == 1);
    const UniqueFd fd(::accept(socket, nullptr, nullptr));
    send_bytes(fd, encode_reply({true, Errc::kInternal, "", kCluster, kServer}));
    CHECK(closed_by_peer(fd));
  });
  const auto dialed = dial_control("127.0.0.1", listening->port, {.process = kClient});
  server.join();
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kUnsupported);
  CHECK_THAT(dialed.error().message, Catch::Contains("of before there were numbers"));
}

TEST_CASE("a hello of another version gets a reply that says so") {
  Gate gate;
  auto frame = encode_hello({auth::Role::kClient, {}, kClient});
  frame[8] = std::byte{1};
  const auto fd = connect_raw(gate.listener->port());
  send_bytes(fd, frame);
  const auto reply = receive_reply(fd);
  REQUIRE(reply.ok());
  CHECK_FALSE(reply->accepted);
  CHECK(reply->code == Errc::kUnsupported);
  CHECK(closed_by_peer(fd));
}

TEST_CASE("greetings of other protocols are closed at once") {
  Gate gate({.handshake_timeout = 1h});
  const std::string greeting = GENERATE(
      std::string("GET / HTTP/1.1\r\n"), std::string("\x16\x03\x01\x02", 4), std::string("x"),
      std::string("MDFSCTM"), std::string(32, '\0'), std::string(1 << 20, '\xA5'));
  const auto fd = connect_raw(gate.listener->port());
  send_text(fd, greeting);
  CHECK(closed_by_peer(fd));
  gate.check_open();
}

TEST_CASE("a thousand connections of garbage leave the gate open to a good one") {
  Gate gate;
  std::mt19937_64 random(11);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes(random() % 400, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    // Half of them begin like a hello.
    if (i % 2 == 0) bytes.insert(0, std::string_view("MDFSCTL\0", 8));
    send_text(connect_raw(gate.listener->port()), bytes);
  }
  gate.check_open();
  CHECK(gate.listener->stats().accepted == 1);
}

TEST_CASE("a peer that does not finish its hello is closed at the deadline") {
  Gate gate({.handshake_timeout = 50ms});
  const auto hello = encode_hello({auth::Role::kClient, {}, kClient});
  const auto sent = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{127});
  const auto start = std::chrono::steady_clock::now();
  const auto fd = connect_raw(gate.listener->port());
  send_bytes(fd, std::span(hello).first(sent));
  CHECK(closed_by_peer(fd));
  CHECK(std::chrono::steady_clock::now() - start >= 50ms);
  CHECK(gate.listener->stats().dropped == 1);
}

TEST_CASE("a peer that sends single bytes gains no time by them") {
  Gate gate({.handshake_timeout = 100ms});
  const auto hello = encode_hello({auth::Role::kClient, {}, kClient});
  const auto fd = connect_raw(gate.listener->port());
  Status status;
  for (std::size_t i = 0; i < hello.size() - 1 && status.ok(); ++i) {
    status = send_all(fd.get(), std::span(hello).subspan(i, 1), Deadline::max());
    // Waits for an answer that does not come, or for the end.
    std::byte byte;
    const auto answer = receive_all(fd.get(), {&byte, 1}, std::chrono::steady_clock::now() + 20ms);
    if (answer.error().code != Errc::kTimedOut) status = answer;
  }
  REQUIRE_FALSE(status.ok());
  CHECK(gate.listener->stats().dropped == 1);
}

TEST_CASE("a peer that never confirms is closed at the deadline") {
  Gate gate({.handshake_timeout = 1s});
  const auto dialed = gate.dial();
  REQUIRE(dialed.ok());
  CHECK(closed_by_peer(dialed->fd));
  CHECK(gate.listener->stats().accepted == 0);
}

TEST_CASE("when there are too many strangers the oldest makes way and a good peer still gets in") {
  Gate gate({.handshake_timeout = 1h, .shares = {.strangers = 4}});
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(connect_raw(gate.listener->port()));
  for (std::size_t i = 0; i < 4; ++i) CHECK(closed_by_peer(silent[i]));
  CHECK(gate.listener->stats().pending <= 4);
  gate.check_open();
  CHECK(closed_by_peer(silent[4]));
}

TEST_CASE("when too many have work one more is refused with the reason") {
  Gate gate({.shares = {.members = 2}});
  gate.check_open();
  gate.check_open();
  auto dialed = gate.dial();
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kUnavailable);
  CHECK(dialed.error().message.find("2 control connections") != std::string::npos);
  gate.admitted.close_all();
  gate.check_open();
}

// The connection that was admitted last carries something, as long as this is not stopped.
std::jthread keep_last_busy(Gate& gate) {
  return std::jthread([&gate](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      gate.admitted.connections().back().slot.traffic()->note();
      std::this_thread::yield();
    }
  });
}

TEST_CASE("of admitted connections one that stands idle makes way for a newcomer, none with work") {
  Gate gate({.shares = {.members = 2, .spare_after = 2s}});
  const auto idle = admitted_raw(gate.listener->port(), {1, 1});
  REQUIRE(gate.admitted.wait_for(1));
  const auto busy = admitted_raw(gate.listener->port(), {2, 2});
  REQUIRE(gate.admitted.wait_for(2));
  auto work = keep_last_busy(gate);
  // The listener cuts it; that its descriptor goes is CAF's part.
  Result<DialedConnection> dialed = Error{Errc::kUnavailable, "not tried yet"};
  while (!dialed.ok()) dialed = gate.dial();
  CHECK(closed_by_peer(idle));
  CHECK(gate.listener->stats().cut == 1);
  work.request_stop();
  work.join();
  std::byte byte;
  CHECK(receive_all(busy.get(), {&byte, 1}, Deadline::min()).error().code == Errc::kTimedOut);
}

TEST_CASE("datanodes have a reserve that clients do not take") {
  Gate gate({.shares = {.members = 3, .reserved = 1}});
  gate.check_open();
  gate.check_open();
  CHECK_FALSE(gate.dial().ok());
  const auto dialed = gate.dial({.role = auth::Role::kDatanode, .process = {1, 2}});
  REQUIRE(dialed.ok());
  REQUIRE(confirm_control(*dialed, Confirmation::kAdd).ok());
  REQUIRE(gate.admitted.wait_for(3));
}

TEST_CASE(
    "a connection that carries nothing for the idle time-out is closed, one that does stays") {
  // So long that who keeps the other one busy gets some time in it, whatever else runs here.
  Gate gate({.idle_timeout = 2s});
  const auto idle = admitted_raw(gate.listener->port(), {1, 1});
  REQUIRE(gate.admitted.wait_for(1));
  const auto busy = admitted_raw(gate.listener->port(), {2, 2});
  REQUIRE(gate.admitted.wait_for(2));
  auto work = keep_last_busy(gate);
  CHECK(closed_by_peer(idle));
  std::byte byte;
  CHECK(receive_all(busy.get(), {&byte, 1}, Deadline::min()).error().code == Errc::kTimedOut);
  CHECK(gate.listener->stats().cut == 1);
  work.request_stop();
  work.join();
}

TEST_CASE("a connection that replaces is admitted after the end of its process's older ones") {
  Gate gate;
  const auto old = gate.dial();
  const auto other = gate.dial({.process = {1, 2}});
  REQUIRE(confirm_control(*old, Confirmation::kAdd).ok());
  REQUIRE(gate.admitted.wait_for(1));
  REQUIRE(confirm_control(*other, Confirmation::kAdd).ok());
  REQUIRE(gate.admitted.wait_for(2));
  const auto fresh = gate.dial();
  REQUIRE(confirm_control(*fresh, Confirmation::kReplace).ok());
  CHECK(closed_by_peer(old->fd));
  CHECK(gate.listener->stats().accepted == 2);
  gate.admitted.close_first();
  REQUIRE(gate.admitted.wait_for(2));
  CHECK(gate.admitted.connections().back().hello.process == kClient);
  std::byte byte;
  for (const auto* open : {&*fresh, &*other}) {
    const auto status = receive_all(open->fd.get(), {&byte, 1}, Deadline::min());
    CHECK(status.error().code == Errc::kTimedOut);
  }
}

TEST_CASE("a process that is admitted in one role is not in another one beside it") {
  Gate gate;
  const auto datanode = gate.dial({.role = auth::Role::kDatanode});
  REQUIRE(confirm_control(*datanode, Confirmation::kAdd).ok());
  REQUIRE(gate.admitted.wait_for(1));
  const auto is_datanode = gate.listener->admitted_as(auth::Role::kDatanode);
  CHECK(is_datanode(kClient));
  CHECK_FALSE(is_datanode(kServer));
  const auto pretends = gate.dial({.role = auth::Role::kClient});
  REQUIRE(confirm_control(*pretends, Confirmation::kReplace).ok());
  CHECK(closed_by_peer(pretends->fd));
  std::byte byte;
  CHECK(receive_all(datanode->fd.get(), {&byte, 1}, Deadline::min()).error().code ==
        Errc::kTimedOut);
  gate.admitted.close_all();
  CHECK_FALSE(is_datanode(kClient));
  const auto client = gate.dial({.role = auth::Role::kClient});
  REQUIRE(confirm_control(*client, Confirmation::kAdd).ok());
  REQUIRE(gate.admitted.wait_for(1));
  CHECK_FALSE(is_datanode(kClient));
}

TEST_CASE("a listener that ends closes its port and its pending connections") {
  auto gate = std::make_optional<Gate>();
  const auto port = gate->listener->port();
  const auto fd = connect_raw(port);
  gate.reset();
  CHECK(closed_by_peer(fd));
  const auto dialed = dial_control("127.0.0.1", port, {});
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kUnavailable);
}

TEST_CASE("dialing a port where nobody listens says which and why") {
  const auto port = unused_port();
  const auto dialed = dial_control("127.0.0.1", port, {});
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kUnavailable);
  CHECK(dialed.error().message == "127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST_CASE("dialing a host that accepts but never answers ends at the deadline") {
  const auto silent = open_listener();  // Not started: the kernel accepts, nobody answers.
  const auto dialed = dial_control("127.0.0.1", silent->port(), {.timeout = 60ms});
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().code == Errc::kTimedOut);
  CHECK(dialed.error().message ==
        "127.0.0.1:" + std::to_string(silent->port()) + ": no answer within 60 ms");
}

TEST_CASE("dialing an unknown host name says so") {
  const auto dialed = dial_control("no-such-host.invalid", 8020, {.timeout = 5s});
  REQUIRE_FALSE(dialed.ok());
  CHECK(dialed.error().message.starts_with("no-such-host.invalid:8020: the host name cannot be "));
}
