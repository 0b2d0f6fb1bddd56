// Pipelines in which something goes wrong: only the node that failed may be lost.
#include <chrono>

#include "transfer/replica_copy.hpp"
#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;
constexpr std::size_t kSlice = storage::kSliceBytes;

// A port where nobody listens.
metadata::Endpoint dead_endpoint() {
  SilentListener listener;
  return listener.endpoint();
}

Status append_bytes(PipelineWriter& writer, storage::SliceEncoder& encoder,
                    const std::string& bytes) {
  const auto encoded = encoder.encode(std::as_bytes(std::span(bytes)));
  return writer.append(encoded.slices, encoded.stored);
}

TEST_CASE("A first target that nobody serves is an error that names it") {
  const auto endpoint = dead_endpoint();
  auto writer = PipelineWriter::open({endpoint}, good_client());
  REQUIRE(!writer.ok());
  CHECK(writer.error().code == Errc::kUnavailable);
  CHECK(writer.error().message.find(metadata::to_string(endpoint)) != std::string::npos);
}

TEST_CASE("A later target that nobody serves is named in the ack and the others store the block") {
  const auto nodes = make_nodes(2);
  const auto dead = dead_endpoint();
  const auto writer = open_writer({nodes[0]->endpoint(), dead, nodes[1]->endpoint()});
  const BlockAck ack = write_block(*writer, BlockId{1}, random_bytes(300'000));
  CHECK(ack.stored == std::vector<bool>{true, false, false});
  CHECK(ack.errors[1].find(metadata::to_string(dead)) != std::string::npos);
  CHECK(ack.errors[2].find("behind") != std::string::npos);
}

TEST_CASE("A host name that does not resolve is a failed target") {
  const auto nodes = make_nodes(1);
  const auto writer = open_writer({nodes[0]->endpoint(), {"no-such-host.invalid", 9866}});
  const BlockAck ack = write_block(*writer, BlockId{1}, "abc");
  CHECK(ack.stored == std::vector<bool>{true, false});
}

TEST_CASE("Names and addresses of either family lead to a server") {
  Node node;
  const auto writer = open_writer({{"localhost", node.endpoint().port}});
  CHECK(write_block(*writer, BlockId{1}, "abc").stored == std::vector<bool>{true});
}

TEST_CASE("A client of another cluster is refused") {
  Node node;
  ConnectionOptions options{.cluster = ClusterId{9, 9}};
  auto writer = PipelineWriter::open({node.endpoint()}, options);
  REQUIRE(!writer.ok());
  CHECK(writer.error().code == Errc::kWrongCluster);
  auto client = ReplicaClient::open(node.endpoint(), options);
  REQUIRE(!client.ok());
  CHECK(client.error().code == Errc::kWrongCluster);
}

TEST_CASE("A later node of another cluster is a failed target") {
  Node good;
  Node stranger({}, ClusterId{9, 9});
  const auto writer = open_writer({good.endpoint(), stranger.endpoint()});
  const BlockAck ack = write_block(*writer, BlockId{1}, random_bytes(100'000));
  CHECK(ack.stored == std::vector<bool>{true, false});
  CHECK(stranger.store.count() == 0);
}

TEST_CASE("A node that stops in mid-block is dropped and the others finish the block") {
  const std::size_t victim = GENERATE(std::size_t{1}, std::size_t{2});
  auto nodes = make_nodes(3);
  const auto writer = open_writer(endpoints_of(nodes));
  storage::SliceEncoder encoder({});
  const std::string part = random_bytes(8 * kSlice);
  encoder.begin_block(BlockId{1}, kGeneration);
  REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
  for (int i = 0; i < 20; ++i) REQUIRE(append_bytes(*writer, encoder, part).ok());
  nodes[victim]->server.reset();
  for (int i = 0; i < 20; ++i) REQUIRE(append_bytes(*writer, encoder, part).ok());
  REQUIRE(writer->end_block().ok());
  auto ack = writer->wait_ack();
  REQUIRE(ack.ok());
  for (std::size_t i = 0; i < 3; ++i) CHECK(ack->stored[i] == (i < victim));
  // The blocks that follow go on with those that are left.
  const BlockAck next = write_block(*writer, BlockId{2}, part);
  CHECK(next.stored[0]);
  CHECK(!next.stored[victim]);
  CHECK(!nodes[victim]->store.has(BlockId{1}));
}

TEST_CASE("The loss of the first node is an error of the writer") {
  auto nodes = make_nodes(2);
  const auto writer = open_writer(endpoints_of(nodes));
  REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
  nodes[0]->server.reset();
  storage::SliceEncoder encoder({});
  encoder.begin_block(BlockId{1}, kGeneration);
  const std::string part = random_bytes(8 * kSlice);
  Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = append_bytes(*writer, encoder, part);
  REQUIRE(!status.ok());
  CHECK(status.error().code == Errc::kUnavailable);
  CHECK(!nodes[1]->store.has(BlockId{1}));
}

TEST_CASE("A hung node is dropped after its time-out while the healthy ones stay in") {
  const SilentListener hung;
  const auto nodes = make_nodes(2, pipeline_server());
  // Much larger than all socket buffers, so that the hang is met in mid-block.
  const std::string bytes = random_bytes(24 << 20);
  // The client is less patient than the nodes: only signs of life keep it from giving up.
  ConnectionOptions options{.cluster = kCluster,
                            .progress_timeout = pipeline_server().progress_timeout * 9 / 10};
  const auto start = std::chrono::steady_clock::now();
  const auto writer =
      open_writer({nodes[0]->endpoint(), nodes[1]->endpoint(), hung.endpoint()}, options);
  const BlockAck ack = write_block(*writer, BlockId{1}, bytes);
  CHECK(std::chrono::steady_clock::now() - start > options.progress_timeout);
  CHECK(ack.stored == std::vector<bool>{true, true, false});
  CHECK(ack.timed_out == std::vector<bool>{false, false, true});
  CHECK(ack.errors[2].find("no progress") != std::string::npos);
  CHECK(write_block(*writer, BlockId{2}, "x").stored == std::vector<bool>{true, true, false});
}

TEST_CASE("A hung node that takes a small block but never answers is dropped") {
  const SilentListener hung;
  const auto nodes = make_nodes(1, impatient_server());
  const auto writer = open_writer({nodes[0]->endpoint(), hung.endpoint()});
  CHECK(write_block(*writer, BlockId{1}, "x").stored == std::vector<bool>{true, false});
}

TEST_CASE("A hung first node is an error within the client's time-out") {
  const SilentListener hung;
  ConnectionOptions options{.cluster = kCluster, .progress_timeout = milliseconds(200)};
  auto writer = PipelineWriter::open({hung.endpoint()}, options);
  REQUIRE(!writer.ok());
  CHECK(writer.error().code == Errc::kTimedOut);
}

TEST_CASE("A node that is slow to make a block durable is waited for") {
  const auto nodes = make_nodes(3, pipeline_server());
  nodes[2]->store.hold_finishes(true);
  RawPeer client(nodes[0]->endpoint().port);
  REQUIRE(client.send(hello_frame() + open_frame({nodes[1]->endpoint(), nodes[2]->endpoint()}) +
                      joined(block_frames(BlockId{1}, "slow"))));
  REQUIRE(client.next_frame() == FrameType::kWelcome);
  // There are three signs of life in a time-out, so this lasts for two of them.
  for (int i = 0; i < 6; ++i) REQUIRE(client.next_frame() == FrameType::kKeepAlive);
  nodes[2]->store.hold_finishes(false);
  auto type = client.next_frame();
  while (type == FrameType::kKeepAlive) type = client.next_frame();
  REQUIRE(type == FrameType::kAckBlock);
  const auto ack = parse_ack_block(client.control());
  REQUIRE(ack.ok());
  REQUIRE(ack->targets.size() == 3);
  for (const auto& target : ack->targets) CHECK(target.ok());
}

TEST_CASE("A node whose disk fails for a block forwards it all the same") {
  const auto nodes = make_nodes(3);
  nodes[1]->store.fail_appends_of(BlockId{1});
  const auto writer = open_writer(endpoints_of(nodes));
  const BlockAck ack = write_block(*writer, BlockId{1}, random_bytes(1'000'000));
  CHECK(ack.stored == std::vector<bool>{true, false, true});
  CHECK(ack.errors[1].find("the fake disk fails") != std::string::npos);
  CHECK(write_block(*writer, BlockId{2}, "x").stored == std::vector<bool>{true, true, true});
  CHECK(nodes[1]->store.open_writers() == 0);
}

TEST_CASE("A block that a node already has is refused by that node only") {
  const auto nodes = make_nodes(2);
  CHECK(write_block(*open_writer({nodes[0]->endpoint()}), BlockId{1}, "old").stored[0]);
  const BlockAck ack = write_block(*open_writer(endpoints_of(nodes)), BlockId{1}, "new");
  CHECK(ack.stored == std::vector<bool>{false, true});
}

TEST_CASE("A slice with a wrong checksum is never stored and the block fails on that node") {
  const auto nodes = make_nodes(2);
  const auto writer = open_writer(endpoints_of(nodes));
  std::string bytes = random_bytes(3 * kSlice);
  storage::SliceEncoder encoder({});
  encoder.begin_block(BlockId{1}, kGeneration);
  REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
  const auto encoded = encoder.encode(std::as_bytes(std::span(bytes)));
  bytes[kSlice + 5] = static_cast<char>(bytes[kSlice + 5] ^ 1);  // `encoded` shows these bytes.
  REQUIRE(writer->append(encoded.slices, encoded.stored).ok());
  REQUIRE(writer->end_block().ok());
  auto ack = writer->wait_ack();
  REQUIRE(ack.ok());
  CHECK(ack->stored == std::vector<bool>{false, false});
  CHECK(ack->errors[0].find("slice 1 of block 1") != std::string::npos);
  for (const auto& node : nodes) CHECK(!node->store.has(BlockId{1}));
  CHECK(write_block(*writer, BlockId{2}, "x").stored == std::vector<bool>{true, true});
}

TEST_CASE("When the client vanishes, what was ended stays and half a block does not") {
  const auto nodes = make_nodes(3);
  {
    RawPeer client(nodes[0]->endpoint().port);
    auto whole = block_frames(BlockId{1}, random_bytes(5'000));
    auto half = block_frames(BlockId{2}, random_bytes(3 * kFrameDataMax));
    half.resize(3);
    half.back().resize(half.back().size() / 2);
    REQUIRE(client.send(hello_frame() + open_frame({nodes[1]->endpoint(), nodes[2]->endpoint()}) +
                        joined(whole) + joined(half)));
  }
  for (const auto& node : nodes) CHECK(node->events.wait_stored(1));
  for (auto& node : nodes) {
    node->server.reset();  // All of its connections have ended now.
    CHECK(node->store.has(BlockId{1}));
    CHECK(!node->store.has(BlockId{2}));
    CHECK(node->store.open_writers() == 0);
  }
}

TEST_CASE("A replica is copied to other nodes in its stored form") {
  const auto nodes = make_nodes(3);
  const std::string bytes = std::string(5 * kSlice, 'z') + random_bytes(20 * kSlice + 9);
  write_block(*open_writer({nodes[0]->endpoint()}), BlockId{1}, bytes, "zstd");
  const std::uint64_t rate = GENERATE(0, 8 << 20);
  auto ack = copy_replica(nodes[0]->store, BlockId{1}, kGeneration,
                          {nodes[1]->endpoint(), nodes[2]->endpoint()}, good_client(), rate);
  REQUIRE(ack.ok());
  CHECK(ack->stored == std::vector<bool>{true, true});
  auto read = read_range(*open_client(*nodes[2]), BlockId{1}, 0, bytes.size());
  REQUIRE(read.ok());
  CHECK(*read == bytes);
}

TEST_CASE("What clients write is to be read at the first node of its pipeline, copies by nobody") {
  const auto nodes = make_nodes(3);
  using storage::Readers;
  write_block(*open_writer({nodes[0]->endpoint(), nodes[1]->endpoint(), nodes[2]->endpoint()}),
              BlockId{2}, random_bytes(200'000));
  CHECK(nodes[0]->store.readers_of(BlockId{2}) == Readers::kHere);
  CHECK(nodes[1]->store.readers_of(BlockId{2}) == Readers::kElsewhere);
  CHECK(nodes[2]->store.readers_of(BlockId{2}) == Readers::kElsewhere);
  write_block(*open_writer({nodes[0]->endpoint()}), BlockId{1}, random_bytes(200'000));
  CHECK(nodes[0]->store.readers_of(BlockId{1}) == Readers::kHere);
  const auto ack = copy_replica(nodes[0]->store, BlockId{1}, kGeneration,
                                {nodes[1]->endpoint(), nodes[2]->endpoint()}, good_client(), 0);
  REQUIRE(ack.ok());
  REQUIRE(ack->stored == std::vector<bool>{true, true});
  CHECK(nodes[1]->store.readers_of(BlockId{1}) == Readers::kNobody);
  CHECK(nodes[2]->store.readers_of(BlockId{1}) == Readers::kNobody);
}

TEST_CASE("A replica that is bad on disk is not copied") {
  const auto nodes = make_nodes(2);
  write_block(*open_writer({nodes[0]->endpoint()}), BlockId{1}, random_bytes(200'000));
  nodes[0]->store.flip_byte(BlockId{1}, 150'000);
  auto ack = copy_replica(nodes[0]->store, BlockId{1}, kGeneration, {nodes[1]->endpoint()},
                          good_client(), 0);
  REQUIRE(!ack.ok());
  CHECK(ack.error().code == Errc::kCorrupt);
  nodes[1]->server.reset();
  CHECK(nodes[1]->store.count() == 0);
}

}  // namespace
}  // namespace minidfs::transfer
