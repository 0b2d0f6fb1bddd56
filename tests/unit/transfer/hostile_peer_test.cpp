// Peers that do not keep to the protocol: they lose their own connection and nothing else.
#include <fstream>

#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  [[maybe_unused]] std::size_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

TEST_CASE("Frames out of their order end the connection with a reason") {
  Node node;
  std::string slices;
  const std::vector<storage::Slice> one{{1, 1, 0}};
  append_slices_head(slices, FrameType::kWriteSlices, one);
  slices += "x";
  std::string end;
  append_frame(end, FrameType::kEndBlock, EndBlock{});
  std::string read;
  append_frame(read, FrameType::kReadBlock, ReadBlock{BlockId{1}, 1, 0, 1});
  std::string lost;
  append_frame(lost, FrameType::kTargetLost, TargetLost{BlockId{1}, 0, {9, "disk"}});
  const auto block = block_frames(BlockId{1}, "abc");
  const std::vector<std::string> orders{
      slices,
      end,
      joined(block),
      open_frame() + slices,
      open_frame() + end,
      open_frame() + read,
      open_frame() + block[0] + block[0],
      open_frame() + block[0] + block[1] + block[1],
      open_frame() + block[0] + end.substr(0, 4) + "garbage garbage garbage",
      open_frame() + block[0] + block[1] + end,
      open_frame() + hello_frame(),
      open_frame() + block[0] + lost,
      hello_frame()};
  const std::size_t number = static_cast<std::size_t>(GENERATE(range(0, 13)));
  CAPTURE(number);
  const std::string& bad_order = orders.at(number);
  RawPeer peer(node.endpoint().port);
  REQUIRE(peer.send(hello_frame() + bad_order));
  REQUIRE(peer.next_frame() == FrameType::kWelcome);
  auto type = peer.next_frame();
  while (type == FrameType::kKeepAlive) type = peer.next_frame();
  REQUIRE(type == FrameType::kFailure);
  CHECK(parse_wire_status(peer.control())->to_error().code == Errc::kProtocol);
  CHECK(peer.next_frame() == std::nullopt);
  CHECK(node.store.count() == 0);
  CHECK(write_block(*open_writer({node.endpoint()}), BlockId{2}, "x").stored[0]);
}

TEST_CASE("A peer of another protocol version is told which one is spoken") {
  Node node;
  RawPeer peer(node.endpoint().port);
  std::string hello;
  append_frame(hello, FrameType::kHello, Hello{.version = 77, .cluster = kCluster});
  REQUIRE(peer.send(hello));
  REQUIRE(peer.next_frame() == FrameType::kFailure);
  CHECK(parse_wire_status(peer.control())->to_error().code == Errc::kUnsupported);
}

TEST_CASE("A peer that says nothing, or stops inside a frame, is given up") {
  Node node(impatient_server());
  const auto block = block_frames(BlockId{1}, random_bytes(100'000));
  const std::vector<std::string> starts{
      "", hello_frame().substr(0, 20), hello_frame() + open_frame().substr(0, 10),
      hello_frame() + open_frame() + block[0] + block[1].substr(0, 5'000)};
  const std::string& start = starts.at(static_cast<std::size_t>(GENERATE(range(0, 4))));
  RawPeer peer(node.endpoint().port);
  REQUIRE(peer.send(start));
  CHECK(peer.wait_closed());
  node.server.reset();
  CHECK(node.store.open_writers() == 0);
}

TEST_CASE("Mutated and random frames cost memory only while their connection lasts") {
  Node node;
  const auto target = node.endpoint();
  write_block(*open_writer({target}), BlockId{1}, random_bytes(100'000));
  std::string read;
  append_frame(read, FrameType::kReadBlock, ReadBlock{BlockId{1}, kGeneration, 10, 70'000});
  std::vector<std::string> seeds;
  seeds.push_back(hello_frame() + read);
  seeds.push_back(hello_frame() + open_frame() + joined(block_frames(BlockId{2}, "abc")));
  seeds.push_back(hello_frame() + open_frame() +
                  joined(block_frames(BlockId{3}, random_bytes(150'000))));
  std::mt19937_64 random(5);
  [[maybe_unused]] std::size_t resident = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = seeds[random() % seeds.size()];
    const bool wild = random() % 4 == 0;
    if (wild) bytes = random_bytes(random() % 2000, static_cast<unsigned>(round));
    // Half of the mutations come after a valid handshake.
    const std::size_t from = wild || random() % 2 == 0 ? 0 : hello_frame().size();
    for (auto left = random() % 6; left > 0 && bytes.size() > from; --left) {
      const std::size_t span = std::min<std::size_t>(bytes.size() - from, 400);
      bytes[from + random() % span] = static_cast<char>(random());
    }
    bytes.resize(bytes.size() - random() % (bytes.size() + 1) / 4);
    RawPeer peer(target.port);
    (void)peer.send(bytes);
    if (round == 500) resident = resident_bytes();
    if (round % 250 == 0) {
      REQUIRE(read_range(*open_client(node), BlockId{1}, 0, 100'000).ok());
    }
  }
  const auto writer = open_writer({target});
  CHECK(write_block(*writer, BlockId{1'000'000}, "fine").stored[0]);
#ifndef __SANITIZE_ADDRESS__
  CHECK(resident_bytes() < resident + (16U << 20));
#endif
}

TEST_CASE("Thousands of idle connections cost little and good clients go on") {
  DataServerOptions options;
  options.shares.members = 400;
  Node node(options);
  std::vector<std::unique_ptr<RawPeer>> idle;
  [[maybe_unused]] const std::size_t before = resident_bytes();
  for (int i = 0; i < 390; ++i) {
    idle.push_back(std::make_unique<RawPeer>(node.endpoint().port));
    REQUIRE(idle.back()->send(hello_frame()));
  }
  for (auto& peer : idle) REQUIRE(peer->next_frame() == FrameType::kWelcome);
  CHECK(node.server->load().connections == 390);
#ifndef __SANITIZE_ADDRESS__
  CHECK(resident_bytes() - before < 390 * 16'384);  // Both ends are in this process.
#endif
  CHECK(write_block(*open_writer({node.endpoint()}), BlockId{1}, "x").stored[0]);
}

TEST_CASE("More connections with work than allowed are refused with a reason") {
  DataServerOptions options;
  options.threads = 1;
  options.shares.members = 2;
  Node node(options);
  const auto first = open_client(node);
  const auto second = open_client(node);
  auto third = ReplicaClient::open(node.endpoint(), good_client());
  REQUIRE(!third.ok());
  CHECK(third.error().code == Errc::kUnavailable);
}

TEST_CASE("A crowd that says nothing keeps nobody out: the oldest of it are closed") {
  DataServerOptions options;
  options.shares.strangers = 8;
  options.handshake_timeout = std::chrono::hours(1);
  Node node(options);
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawPeer>(node.endpoint().port));
    if (i % 2 == 0) REQUIRE(silent.back()->send(hello_frame().substr(0, 20)));
  }
  CHECK(write_block(*open_writer({node.endpoint()}), BlockId{1}, "x").stored[0]);
  for (std::size_t i = 0; i < 80; ++i) CHECK(silent[i]->wait_closed());
  // A peer sees the close before the connection itself has come to its end.
  CHECK(comes_true([&] { return node.server->load().connections <= 8 + 1; }));
}

TEST_CASE("Of connections that have greeted an idle one makes way, never one with a block open") {
  DataServerOptions options;
  options.threads = 1;
  options.shares.members = 3;
  options.shares.spare_after = std::chrono::milliseconds(0);
  Node node(options);
  const auto port = node.endpoint().port;
  const auto block = block_frames(BlockId{1}, random_bytes(100'000));
  // The first one writes, the second one is between two blocks, the third one has asked nothing.
  RawPeer writing(port);
  REQUIRE(writing.send(hello_frame() + open_frame() + block[0]));
  REQUIRE(writing.next_frame() == FrameType::kWelcome);
  RawPeer between(port);
  REQUIRE(between.send(hello_frame() + open_frame() +
                       joined(block_frames(BlockId{2}, random_bytes(1000)))));
  REQUIRE(between.next_frame() == FrameType::kWelcome);
  REQUIRE(between.next_frame() == FrameType::kAckBlock);
  RawPeer reader(port);
  REQUIRE(reader.send(hello_frame()));
  REQUIRE(reader.next_frame() == FrameType::kWelcome);
  // A newcomer is refused only while all are still on their way to being idle.
  std::vector<std::unique_ptr<RawPeer>> newcomers;
  for (int welcome = 0; welcome < 2;) {
    auto newcomer = std::make_unique<RawPeer>(port);
    REQUIRE(newcomer->send(hello_frame()));
    if (newcomer->next_frame() != FrameType::kWelcome) continue;
    newcomers.push_back(std::move(newcomer));
    ++welcome;
  }
  REQUIRE(writing.send(block[1] + block.back()));
  std::optional<FrameType> answer = FrameType::kKeepAlive;
  while (answer == FrameType::kKeepAlive) answer = writing.next_frame();
  CHECK(answer == FrameType::kAckBlock);
}

TEST_CASE("A port in use is refused by name") {
  Node node;
  DataServerOptions options;
  options.listen = node.endpoint();
  FakeBlockStore store(kCluster);
  RecordedEvents events;
  auto server = DataServer::start(options, store, events);
  REQUIRE(!server.ok());
  CHECK(server.error().code == Errc::kInUse);
  CHECK(server.error().message.find(metadata::to_string(node.endpoint())) != std::string::npos);
}

TEST_CASE("A server stops at once although clients are connected and blocks unfinished") {
  DataServerOptions options;  // Whoever waits for a peer waits for much longer than this test.
  options.handshake_timeout = options.connect_timeout = options.progress_timeout =
      options.disk_timeout = std::chrono::minutes(10);
  auto nodes = make_nodes(2, options);
  const auto writer = open_writer(endpoints_of(nodes));
  nodes[1]->store.hold_finishes(true);
  REQUIRE(send_block(*writer, BlockId{1}, "held").ok());
  REQUIRE(writer->begin_block(BlockId{2}, kGeneration, 0).ok());
  const auto client = open_client(*nodes[0]);
  const auto start = std::chrono::steady_clock::now();
  nodes[0]->server.reset();
  nodes[1]->server.reset();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
  nodes[1]->store.hold_finishes(false);  // Reports to a server that is gone.
  CHECK(!writer->wait_ack().ok());
}

}  // namespace
}  // namespace minidfs::transfer
