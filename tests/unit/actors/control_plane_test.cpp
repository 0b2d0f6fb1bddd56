#include "actors/control_plane.hpp"

#include <caf/all.hpp>
#include <catch2/catch.hpp>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "actors/system_config.hpp"
#include "actors/tcp.hpp"
#include "base/interface_version.hpp"
#include "unit/actors/admission_peers.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using namespace minidfs::actors::test;
using namespace std::chrono_literals;

namespace {

using Echo = caf::typed_actor<caf::replies_to<std::string>::with<std::string>>;
using Counter = caf::typed_actor<caf::replies_to<std::int64_t>::with<std::int64_t>>;

Echo::behavior_type echo_behavior(Echo::pointer) {
  return {[](std::string& text) { return std::move(text); }};
}

// An actor system that publishes an echo, as a namenode does its face.
struct Server {
  explicit Server(std::uint16_t port = 0) : Server(options_with(port)) {}
  explicit Server(AdmissionOptions options) : system(config) {
    options.process = control_process_id(system);
    listener = open_listener(options);
    echo = system.spawn(echo_behavior);
    publish_control(system, echo, *listener);
  }
  // A published actor must end before its system, which otherwise waits for it for ever.
  ~Server() {
    listener.reset();
    caf::anon_send_exit(echo, caf::exit_reason::user_shutdown);
  }

  static AdmissionOptions options_with(std::uint16_t port) {
    AdmissionOptions options;
    options.port = port;
    return options;
  }

  std::uint16_t port() const { return listener->port(); }

  ControlSystemConfig config;
  caf::actor_system system;
  std::unique_ptr<ControlListener> listener;
  Echo echo;
};

struct Client {
  Client() : system(config) {}

  template <class Handle = Echo>
  Result<ControlConnection<Handle>> connect(std::uint16_t port, ConnectOptions options = {}) {
    return connect_control<Handle>(system, "127.0.0.1", port, options);
  }

  // The echo of `text`, or the error's words.
  std::string ask(const Echo& echo, const std::string& text) {
    caf::scoped_actor self{system};
    std::string answer;
    self->request(echo, kPatience, text)
        .receive([&](std::string& echoed) { answer = echoed; },
                 [&](caf::error& error) { answer = system.render(error); });
    return answer;
  }

  bool works(std::uint16_t port) {
    auto connection = connect(port);
    return connection.ok() && ask(connection->handle, "still here") == "still here";
  }

  ControlSystemConfig config;
  caf::actor_system system;
};

// Blocks until the proxy is known to be dead.
void await_down(Client& client, const Echo& echo) {
  caf::scoped_actor self{client.system};
  self->monitor(echo);
  bool down = false;
  self->receive([&](caf::down_msg&) { down = true; }, caf::after(kPatience) >> [] {});
  REQUIRE(down);
}

// A BASP header with a payload of the client's handshake length, followed by `payload`.
std::string basp_frame(std::uint8_t operation, std::uint32_t length, const std::string& payload) {
  std::string frame(32, '\0');
  frame[0] = static_cast<char>(operation);
  for (std::size_t i = 0; i < 4; ++i) frame[4 + i] = static_cast<char>(length >> (24 - 8 * i));
  return frame + payload;
}

// The node id of a process in a client handshake of BASP: implementation, process number, host id.
std::string node_id_bytes(const caf::actor_system& system) {
  std::vector<char> buffer;
  caf::binary_serializer sink{nullptr, buffer};
  const auto error = sink(const_cast<caf::node_id&>(system.node()));
  REQUIRE_FALSE(error);
  return {buffer.begin(), buffer.end()};
}

}  // namespace

TEST_CASE("a listener takes the port that was held for it") {
  auto held = net::hold_port({"127.0.0.1", 0}, std::chrono::steady_clock::now() + 60s);
  REQUIRE(held.ok());
  const auto port = held->port;
  const auto listener = ControlListener::open({}, *std::move(held));
  REQUIRE(listener.ok());
  CHECK((*listener)->port() == port);
}

TEST_CASE("a typed actor is published, reached and asked") {
  Server server;
  Client client;
  auto connection = client.connect(server.port());
  REQUIRE(connection.ok());
  CHECK(connection->cluster == kCluster);
  CHECK(client.ask(connection->handle, "hello") == "hello");
  CHECK(client.ask(connection->handle, std::string(1 << 20, 'x')) == std::string(1 << 20, 'x'));
}

TEST_CASE("an actor without the wanted interface is refused") {
  Server server;
  Client client;
  const auto connection = client.connect<Counter>(server.port());
  REQUIRE_FALSE(connection.ok());
  CHECK(connection.error().code == Errc::kProtocol);
  CHECK(client.works(server.port()));
}

TEST_CASE(
    "an actor that has more than the wanted interface is reached, and not one that has less") {
  using More = Echo::extend<caf::replies_to<std::int64_t>::with<std::int64_t>>;
  AdmissionOptions options;
  options.versions = {2, 1};
  Server older;
  Client client;
  CHECK(client.connect<More>(older.port(), {.versions = {2, 1}}).error().code == Errc::kProtocol);
  const auto old_one = client.connect(older.port(), {.versions = {2, 1}});
  REQUIRE(old_one.ok());
  CHECK(old_one->version == own_versions().newest);

  Client server;
  options.process = control_process_id(server.system);
  auto listener = open_listener(options);
  const auto more = server.system.spawn([](More::pointer) -> More::behavior_type {
    return {[](std::string& text) { return std::move(text); },
            [](std::int64_t number) { return number + 1; }};
  });
  publish_control(server.system, more, *listener);
  // Whoever knows the version that has brought it asks for what there is more.
  const auto same = client.connect(listener->port(), {.versions = {2, 1}});
  REQUIRE(same.ok());
  CHECK(same->version == 2);
  CHECK(client.ask(same->handle, "hello") == "hello");
  caf::scoped_actor self{client.system};
  std::int64_t answer = 0;
  self->request(caf::actor_cast<Counter>(same->handle), kPatience, std::int64_t{41})
      .receive([&](std::int64_t number) { answer = number; }, [](const caf::error&) {});
  CHECK(answer == 42);
  listener.reset();
  caf::anon_send_exit(more, caf::exit_reason::user_shutdown);
}

TEST_CASE("no two systems share an identity") {
  Client a;
  Client b;
  CHECK(control_process_id(a.system) != control_process_id(b.system));
  CHECK(a.system.node() != b.system.node());
}

TEST_CASE("a system reaches what it has published itself") {
  Server server;
  const auto connection =
      connect_control<Echo>(server.system, "127.0.0.1", server.port(), ConnectOptions{});
  REQUIRE(connection.ok());
  CHECK(connection->handle->node() == server.system.node());
}

TEST_CASE("connecting where nobody listens or nobody answers fails with the address") {
  Client client;
  const auto port = unused_port();
  const auto refused = client.connect(port);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message == "127.0.0.1:" + std::to_string(port) + ": Connection refused");

  const auto silent = open_listener();
  const auto unanswered = client.connect(silent->port(), {.timeout = 60ms});
  REQUIRE_FALSE(unanswered.ok());
  CHECK(unanswered.error().code == Errc::kTimedOut);
}

TEST_CASE("a host that does not answer holds up nobody else") {
  Server server;
  Client client;
  const auto silent = open_listener();
  std::thread stuck([&] { CHECK_FALSE(client.connect(silent->port(), {.timeout = 300ms}).ok()); });
  for (int i = 0; i < 3; ++i) CHECK(client.works(server.port()));
  stuck.join();
}

TEST_CASE("a server that ends after the admission makes the connect fail, not hang") {
  Client client;
  auto listener = open_listener();
  listener->start([](AdmittedConnection) {});  // Closes what it admits.
  const auto connection = client.connect(listener->port());
  REQUIRE_FALSE(connection.ok());
  CHECK(connection.error().code == Errc::kUnavailable);
}

TEST_CASE("after a restart on the same port a client reaches the new process") {
  Client client;
  auto server = std::make_optional<Server>();
  const auto port = server->port();
  auto first = client.connect(port);
  REQUIRE(first.ok());
  for (int round = 0; round < 5; ++round) {
    server.reset();
    await_down(client, first->handle);
    server.emplace(port);
    auto second = client.connect(port);
    REQUIRE(second.ok());
    CHECK(second->handle != first->handle);
    CHECK(client.ask(second->handle, "again") == "again");
    first = std::move(second);
  }
}

TEST_CASE("connecting again shares the connection, or replaces it when asked to") {
  Server server;
  Client client;
  auto first = client.connect(server.port());
  auto second = client.connect(server.port());
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->handle == second->handle);
  CHECK(client.ask(first->handle, "shared") == "shared");
  for (int round = 0; round < 20; ++round) {
    auto fresh = client.connect(server.port(), {.replace = true});
    REQUIRE(fresh.ok());
    REQUIRE(client.ask(fresh->handle, "replaced") == "replaced");
    await_down(client, first->handle);
    first = std::move(fresh);
  }
}

TEST_CASE("many threads of a process connect at once") {
  Server server;
  Client client;
  std::vector<std::thread> threads;
  std::atomic<int> works{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { works += client.works(server.port()) ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  CHECK(works == 8);
}

TEST_CASE("two processes that publish reach each other at the same time") {
  Server a;
  Server b;
  auto connect = [](Server& from, Server& to) {
    return connect_control<Echo>(from.system, "127.0.0.1", to.port(), ConnectOptions{}).ok();
  };
  bool a_reached_b = false;
  std::thread other([&] { a_reached_b = connect(a, b); });
  CHECK(connect(b, a));
  other.join();
  CHECK(a_reached_b);
}

TEST_CASE("a forged length after a good handshake ends that connection only") {
  Server server;
  Client client;
  auto good = client.connect(server.port());
  REQUIRE(good.ok());
  const auto length = GENERATE(0xFFFFFFFFU, 0x7FFFFFFFU, (16U << 20U) + 1, 0U);
  Client pretended;
  const auto fd = admitted_raw(server.port(), control_process_id(pretended.system));
  const auto id = node_id_bytes(pretended.system);
  send_text(fd, basp_frame(1, static_cast<std::uint32_t>(id.size()), id));
  send_text(fd, basp_frame(2, length, ""));
  CHECK(closed_by_peer(fd));
  CHECK(client.ask(good->handle, "unharmed") == "unharmed");
}

TEST_CASE("a peer that calls itself another process than was admitted is closed") {
  Server server;
  Client client;
  auto good = client.connect(server.port());
  REQUIRE(good.ok());
  Client pretended;
  const auto id = node_id_bytes(pretended.system);
  const auto fd = admitted_raw(server.port(), kClient);
  send_text(fd, basp_frame(1, static_cast<std::uint32_t>(id.size()), id));
  CHECK(closed_by_peer(fd));
  CHECK(client.ask(good->handle, "unharmed") == "unharmed");
}

TEST_CASE("with a secret a typed actor is reached by those who know it, and by no others") {
  const auto secret =
      std::make_shared<const auth::Credentials>(auth::Key(auth::Bytes32{std::byte{1}}));
  AdmissionOptions options;
  options.credentials = secret;
  Server server(options);
  Client client;
  ConnectOptions with_secret;
  with_secret.credentials = std::make_shared<const auth::Credentials>(secret->make_client_key());
  auto connection = client.connect(server.port(), with_secret);
  REQUIRE(connection.ok());
  CHECK(connection->cluster == kCluster);
  CHECK(client.ask(connection->handle, "hello") == "hello");
  const auto stranger = Client().connect(server.port());
  REQUIRE_FALSE(stranger.ok());
  CHECK(stranger.error().code == Errc::kPermissionDenied);
}

TEST_CASE("random bytes after a good handshake end that connection only") {
  Server server;
  Client client;
  auto good = client.connect(server.port());
  REQUIRE(good.ok());
  std::mt19937_64 random(3);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const auto fd = admitted_raw(server.port(), {i, i});
    std::string bytes(4096, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    send_text(fd, bytes);
    REQUIRE(closed_by_peer(fd));
  }
  CHECK(client.ask(good->handle, "unharmed") == "unharmed");
}

TEST_CASE("messages whose payload is garbage do not bring the process down") {
  Server server;
  Client client;
  auto good = client.connect(server.port());
  REQUIRE(good.ok());
  std::mt19937_64 random(5);
  Client pretended;
  const auto id = node_id_bytes(pretended.system);
  for (int i = 0; i < 200; ++i) {
    const auto fd = admitted_raw(server.port(), control_process_id(pretended.system));
    send_text(fd, basp_frame(1, static_cast<std::uint32_t>(id.size()), id));
    for (int j = 0; j < 20; ++j) {
      std::string payload(1 + random() % 300, '\0');
      for (auto& byte : payload) byte = static_cast<char>(random());
      const auto operation = static_cast<std::uint8_t>(std::array{2, 4, 5}[random() % 3]);
      auto frame = basp_frame(operation, static_cast<std::uint32_t>(payload.size()), payload);
      // Aimed at actors that exist.
      frame[31] = static_cast<char>(server.echo->id() + random() % 20);
      send_text(fd, frame);
    }
  }
  CHECK(client.ask(good->handle, "unharmed") == "unharmed");
}

TEST_CASE("what hundreds announce and never send keeps nobody's messages out") {
  Server server;
  Client client;
  Client pretended;
  std::vector<UniqueFd> strangers;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    const auto process = control_process_id(pretended.system);
    auto& fd = strangers.emplace_back(admitted_raw(server.port(), process));
    auto id = node_id_bytes(pretended.system);
    id[id.size() - 2] = static_cast<char>(i / 256);
    id[id.size() - 1] = static_cast<char>(i % 256);
    send_text(fd, basp_frame(1, static_cast<std::uint32_t>(id.size()), id));
    auto frame = basp_frame(2, 1U << 20U, std::string(100, 'p'));
    frame[31] = static_cast<char>(server.echo->id());
    send_text(fd, frame);
  }
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 5; ++i) {
    auto connection = client.connect(server.port(), {.replace = true});
    REQUIRE(connection.ok());
    REQUIRE(client.ask(connection->handle, large) == large);
  }
  // All of them are still there: nothing was wrong with what they sent.
  CHECK(server.listener->stats().admitted == strangers.size() + 1);
}

TEST_CASE("a connection that was closed because it stood idle is made anew without a word") {
  Client client;
  AdmissionOptions options;
  options.idle_timeout = 2s;
  Server server(options);
  auto first = client.connect(server.port());
  REQUIRE(first.ok());
  CHECK(client.ask(first->handle, "hello") == "hello");
  await_down(client, first->handle);
  CHECK(server.listener->stats().cut >= 1);
  CHECK(client.works(server.port()));
}
