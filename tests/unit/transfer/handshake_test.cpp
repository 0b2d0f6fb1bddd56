// How data connections begin: both sides against one another, and servers that ask for a secret.
#include "transfer/handshake.hpp"

#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

constexpr NodeId kNode{5, 6};

auth::CredentialsPtr secret_of(unsigned char first) {
  return std::make_shared<const auth::Credentials>(
      auth::Key(auth::Bytes32{std::byte{first}, std::byte{7}}));
}

auth::CredentialsPtr client_key_of(const auth::CredentialsPtr& secret) {
  return std::make_shared<const auth::Credentials>(secret->make_client_key());
}

const auto kSecret = secret_of(1);
const auto kOther = secret_of(2);

Frame frame_of(const std::string& bytes) {
  const auto parsed = parse_frame(std::as_bytes(std::span(bytes)));
  REQUIRE(parsed.ok());
  REQUIRE(parsed->has_value());
  return **parsed;
}

struct Outcome {
  Status server;
  Status client;
  bool welcomed = false;
  std::vector<std::string> said;  // Frames, in their order.

  bool refused_by(const Status& side) const {
    return !welcomed && !side.ok() && side.error().code == Errc::kPermissionDenied;
  }
};

// A whole handshake.
Outcome handshake(const auth::CredentialsPtr& own, const auth::CredentialsPtr& peers,
                  auth::Role role = auth::Role::kClient, ClusterId cluster = kCluster) {
  Outcome outcome;
  ServerHandshake server(kCluster, kNode, own);
  ClientHandshake client(cluster, role, peers);
  std::string to_server;
  outcome.client = client.begin(to_server);
  while (outcome.server.ok() && outcome.client.ok() && !client.welcomed()) {
    outcome.said.push_back(to_server);
    std::string to_client;
    const auto next = server.on_frame(frame_of(to_server), to_client);
    if (!next.ok()) {
      outcome.server = next.error();
      break;
    }
    if (*next == ServerHandshake::Next::kEnter) server.welcome(to_client);
    outcome.said.push_back(to_client);
    to_server.clear();
    outcome.client = client.on_frame(frame_of(to_client), to_server);
  }
  // What a client that does not believe still says.
  if (outcome.server.ok() && !outcome.client.ok() && !to_server.empty()) {
    std::string unheard;
    const auto next = server.on_frame(frame_of(to_server), unheard);
    if (!next.ok()) outcome.server = next.error();
  }
  outcome.welcomed = client.welcomed();
  return outcome;
}

DataServerOptions with_secret(const auth::CredentialsPtr& secret = kSecret) {
  DataServerOptions options;
  options.credentials = secret;
  return options;
}

ConnectionOptions client_with(const auth::CredentialsPtr& credentials) {
  return {.cluster = kCluster, .credentials = credentials};
}

TEST_CASE("Who knows the secret is welcome in any role, and with a client's key as a client") {
  for (const auto role : {auth::Role::kClient, auth::Role::kDatanode}) {
    const auto outcome = handshake(kSecret, kSecret, role);
    CHECK(outcome.welcomed);
    CHECK(outcome.said.size() == 4);
  }
  CHECK(handshake(kSecret, client_key_of(kSecret)).welcomed);
  const auto open = handshake(nullptr, nullptr);
  CHECK(open.welcomed);
  CHECK(open.said.size() == 2);
}

TEST_CASE("Of a wrong secret, or one where none is, both sides hear") {
  for (const auto& peer : {kOther, client_key_of(kOther)}) {
    const auto outcome = handshake(kSecret, peer);
    CHECK(outcome.refused_by(outcome.server));
    CHECK(outcome.refused_by(outcome.client));
  }
  for (const auto& [own, peer] :
       {std::pair{kSecret, auth::CredentialsPtr()}, std::pair{auth::CredentialsPtr(), kSecret}}) {
    const auto outcome = handshake(own, peer);
    CHECK(outcome.refused_by(outcome.server));
  }
  const auto outcome = handshake(kSecret, client_key_of(kSecret), auth::Role::kDatanode);
  CHECK(outcome.refused_by(outcome.client));
}

TEST_CASE("Both sides know the version that they speak, or that there is none") {
  const auto own = GENERATE(auth::CredentialsPtr(), kSecret);
  for (const auto& [listening, connecting] :
       {std::pair(InterfaceVersions{1, 1}, InterfaceVersions{2, 1}),
        std::pair(InterfaceVersions{3, 2}, InterfaceVersions{2, 1}),
        std::pair(InterfaceVersions{1, 1}, InterfaceVersions{3, 2}),
        std::pair(InterfaceVersions{4, 3}, InterfaceVersions{2, 1})}) {
    const auto common = common_version(listening, connecting);
    ServerHandshake server(kCluster, kNode, own, listening);
    ClientHandshake client(kCluster, auth::Role::kClient, own, connecting);
    std::string to_server;
    std::string to_client;
    REQUIRE(client.begin(to_server).ok());
    auto next = server.on_frame(frame_of(to_server), to_client);
    if (own) {
      REQUIRE(next.ok());  // Strangers are not told.
      to_server.clear();
      REQUIRE(client.on_frame(frame_of(to_client), to_server).ok());
      next = server.on_frame(frame_of(to_server), to_client);
    }
    REQUIRE(next.ok() == common.ok());
    if (!next.ok()) CHECK(next.error().message == common.error().message);
    // One that does not mind is left.
    to_client.clear();
    server.welcome(to_client);
    CHECK(client.on_frame(frame_of(to_client), to_server).ok() == common.ok());
    CHECK(client.welcomed() == common.ok());
    if (common.ok()) CHECK(client.version() == *common);
  }
}

TEST_CASE("The cluster is named only when the server has proven itself") {
  const auto outcome = handshake(kSecret, kSecret);
  const std::string id = encode(kCluster);
  REQUIRE(outcome.said.size() == 4);
  CHECK(outcome.said[0].find(id) == std::string::npos);
  CHECK(outcome.said[1].find(id) == std::string::npos);
  CHECK(outcome.said[2].find(id) != std::string::npos);
  CHECK(handshake(kSecret, kSecret, auth::Role::kClient, {9, 9}).server.error().code ==
        Errc::kWrongCluster);
}

TEST_CASE("Answers of another handshake fit no challenge, and frames out of order none at all") {
  const auto before = handshake(kSecret, kSecret);
  ServerHandshake server(kCluster, kNode, kSecret);
  std::string out;
  REQUIRE(server.on_frame(frame_of(before.said[0]), out).ok());
  CHECK(server.on_frame(frame_of(before.said[2]), out).error().code == Errc::kPermissionDenied);

  ServerHandshake early(kCluster, kNode, kSecret);
  CHECK(early.on_frame(frame_of(before.said[2]), out).error().code == Errc::kProtocol);
  ServerHandshake twice(kCluster, kNode, kSecret);
  REQUIRE(twice.on_frame(frame_of(before.said[0]), out).ok());
  CHECK(twice.on_frame(frame_of(before.said[0]), out).error().code == Errc::kProtocol);

  ClientHandshake client(kCluster, auth::Role::kClient, kSecret);
  out.clear();
  REQUIRE(client.begin(out).ok());
  CHECK_FALSE(client.may_send());
  CHECK(client.on_frame(frame_of(before.said[3]), out).error().code == Errc::kPermissionDenied);
  CHECK(client.on_frame(frame_of(before.said[1]), out).error().code == Errc::kPermissionDenied);
  CHECK_FALSE(client.may_send());
  ClientHandshake without(kCluster, auth::Role::kClient, nullptr);
  REQUIRE(without.begin(out).ok());
  CHECK(without.on_frame(frame_of(before.said[1]), out).error().code == Errc::kProtocol);
}

TEST_CASE("Blocks are written through a pipeline of servers with a secret, and read") {
  const auto nodes = make_nodes(3, with_secret());
  const std::string bytes = random_bytes(300'000);
  const auto writer = open_writer(endpoints_of(nodes), client_with(client_key_of(kSecret)));
  for (std::uint64_t block = 1; block <= 3; ++block) {
    const auto ack = write_block(*writer, BlockId{block}, bytes);
    CHECK(ack.stored.size() == 3);
    for (const bool stored : ack.stored) CHECK(stored);
  }
  const auto client = open_client(*nodes[2], client_with(client_key_of(kSecret)));
  CHECK(*read_range(*client, BlockId{3}, 0, bytes.size()) == bytes);
}

TEST_CASE("A server with a secret does nothing for those who do not know it") {
  Node node(with_secret());
  for (const auto& credentials : {auth::CredentialsPtr(), kOther, client_key_of(kOther)}) {
    const auto client = ReplicaClient::open(node.endpoint(), client_with(credentials));
    REQUIRE_FALSE(client.ok());
    CHECK(client.error().code == Errc::kPermissionDenied);
    CHECK(client.error().message.find(metadata::to_string(node.endpoint())) == 0);
  }
  RawPeer peer(node.endpoint().port);
  REQUIRE(peer.send(hello_frame() + open_frame() + joined(block_frames(BlockId{1}, "abc"))));
  REQUIRE(peer.next_frame() == FrameType::kFailure);
  const auto status = parse_wire_status(peer.control());
  CHECK(status->to_error().code == Errc::kPermissionDenied);
  CHECK(status->message.find(to_string(kCluster)) == std::string::npos);
  CHECK(node.store.count() == 0);
  Node open_to_all;
  const auto client = ReplicaClient::open(open_to_all.endpoint(), client_with(kSecret));
  REQUIRE_FALSE(client.ok());
  CHECK(client.error().code == Errc::kPermissionDenied);
}

TEST_CASE("A node whose secret is another one is lost to its pipeline, and nothing else") {
  std::vector<std::unique_ptr<Node>> nodes;
  nodes.push_back(std::make_unique<Node>(with_secret()));
  nodes.push_back(std::make_unique<Node>(with_secret(kOther)));
  const auto writer = open_writer(endpoints_of(nodes), client_with(kSecret));
  const auto ack = write_block(*writer, BlockId{1}, random_bytes(1000));
  CHECK(ack.stored[0]);
  CHECK_FALSE(ack.stored[1]);
}

TEST_CASE("A stranger that stops in the middle of the handshake is closed at its deadline") {
  auto options = with_secret();
  options.handshake_timeout = kImpatient;
  Node node(options);
  ClientHandshake client(kCluster, auth::Role::kClient, kSecret);
  std::string hello;
  REQUIRE(client.begin(hello).ok());
  RawPeer peer(node.endpoint().port);
  REQUIRE(peer.send(hello));
  REQUIRE(peer.next_frame() == FrameType::kChallenge);
  CHECK(peer.wait_closed());
  CHECK(comes_true([&] { return node.server->load().connections == 0; }));
}

}  // namespace
}  // namespace minidfs::transfer
