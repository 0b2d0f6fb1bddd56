// What a writer learns in the middle of a block of targets that have lost it.
#include <algorithm>
#include <thread>

#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using Flags = std::vector<bool>;

// One block that a test sends piece by piece.
struct OpenedBlock {
  OpenedBlock(PipelineWriter& writer, BlockId block) : to(writer) {
    encoder.begin_block(block, kGeneration);
    REQUIRE(to.begin_block(block, kGeneration, 0).ok());
  }

  void append() {
    const auto encoded = encoder.encode(std::as_bytes(std::span(piece)));
    const auto status = to.append(encoded.slices, encoded.stored);
    INFO((status.ok() ? "" : status.error().message));
    REQUIRE(status.ok());
  }
  // Sends until so many targets are known to be lost. What is sent fits in no socket's buffer, so
  // that the nodes get their time.
  void append_until_lost(std::ptrdiff_t targets) {
    for (int i = 0; i < 10'000 && lost() < targets; ++i) append();
    REQUIRE(lost() == targets);
  }
  std::ptrdiff_t lost() const {
    if (!to.losses()) return 0;
    return std::count(to.losses()->stored.begin(), to.losses()->stored.end(), false);
  }
  BlockAck end() {
    REQUIRE(to.end_block().ok());
    auto ack = to.wait_ack();
    REQUIRE(ack.ok());
    return *ack;
  }

  PipelineWriter& to;
  storage::SliceEncoder encoder{{}};
  const std::string piece = random_bytes(storage::kSliceBytes);
};

// The next frame that is no sign of life, to a writer that gives such itself.
std::optional<FrameType> next_answer(RawPeer& peer) {
  auto type = peer.next_frame_alive();
  while (type == FrameType::kKeepAlive) type = peer.next_frame_alive();
  return type;
}

TargetLost next_loss(RawPeer& peer) {
  REQUIRE(next_answer(peer) == FrameType::kTargetLost);
  const auto lost = parse_target_lost(peer.control());
  REQUIRE(lost.ok());
  return *lost;
}

std::string loss_frame(const TargetLost& lost) {
  std::string out;
  append_frame(out, FrameType::kTargetLost, lost);
  return out;
}

TEST_CASE("A target that dies in mid-block, and those behind it, are known before the block ends") {
  const std::size_t victim = GENERATE(std::size_t{1}, std::size_t{2});
  auto nodes = make_nodes(3);
  const auto endpoints = endpoints_of(nodes);
  const auto writer = open_writer(endpoints);
  OpenedBlock block(*writer, BlockId{1});
  for (int i = 0; i < 20; ++i) block.append();
  CHECK(!writer->losses());
  nodes[victim]->server.reset();
  block.append_until_lost(3 - static_cast<std::ptrdiff_t>(victim));
  const BlockAck losses = *writer->losses();
  for (std::size_t i = 0; i < 3; ++i) CHECK(losses.stored[i] == (i < victim));
  CHECK(losses.block == BlockId{1});
  CHECK(losses.errors[victim].find(metadata::to_string(endpoints[victim])) == 0);
  CHECK(losses.errors[0].empty());
  CHECK(losses.timed_out == Flags{false, false, false});
  const BlockAck ack = block.end();
  CHECK(ack.stored == losses.stored);
  CHECK(ack.errors == losses.errors);
  CHECK(!writer->losses());
}

TEST_CASE("A target that cannot be connected to is known in the first block, once") {
  const auto nodes = make_nodes(2);
  const auto dead = [] { return SilentListener().endpoint(); }();
  RawPeer client(nodes[0]->endpoint().port);
  const auto first = block_frames(BlockId{1}, "abc");
  REQUIRE(client.send(hello_frame() + open_frame({dead, nodes[1]->endpoint()}) + first[0]));
  REQUIRE(next_answer(client) == FrameType::kWelcome);
  const auto lost = next_loss(client);
  CHECK(lost.block == BlockId{1});
  CHECK(lost.target == 1);
  CHECK(lost.status.to_error().code == Errc::kUnavailable);
  const auto behind = next_loss(client);
  CHECK(behind.target == 2);
  CHECK(behind.status.message.find("behind " + metadata::to_string(dead)) != std::string::npos);
  REQUIRE(client.send(first[1] + first[2] + joined(block_frames(BlockId{2}, "def"))));
  CHECK(next_answer(client) == FrameType::kAckBlock);
  CHECK(next_answer(client) == FrameType::kAckBlock);
}

TEST_CASE("A target whose disk fails is known before the block ends and the others go on") {
  const std::size_t victim = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2});
  const auto nodes = make_nodes(3);
  nodes[victim]->store.fail_appends_of(BlockId{1});
  const auto writer = open_writer(endpoints_of(nodes));
  {
    OpenedBlock block(*writer, BlockId{1});
    block.append_until_lost(1);
    for (std::size_t i = 0; i < 3; ++i) CHECK(writer->losses()->stored[i] == (i != victim));
    CHECK(writer->losses()->errors[victim].find("the fake disk fails") != std::string::npos);
    CHECK(block.end().stored == Flags{victim != 0, victim != 1, victim != 2});
  }
  OpenedBlock next(*writer, BlockId{2});
  next.append();
  CHECK(!writer->losses());
  CHECK(next.end().stored == Flags{true, true, true});
}

TEST_CASE("A target that refuses the block is known before the block ends") {
  const auto nodes = make_nodes(2);
  CHECK(write_block(*open_writer({nodes[1]->endpoint()}), BlockId{1}, "old").stored[0]);
  const auto writer = open_writer(endpoints_of(nodes));
  OpenedBlock block(*writer, BlockId{1});
  block.append_until_lost(1);
  CHECK(writer->losses()->stored == Flags{true, false});
}

TEST_CASE("A target that fails first and is cut off later is told once, those behind it as well") {
  auto nodes = make_nodes(3);
  nodes[1]->store.fail_appends_of(BlockId{1});
  const auto writer = open_writer(endpoints_of(nodes));
  OpenedBlock block(*writer, BlockId{1});
  block.append_until_lost(1);
  nodes[1]->server.reset();
  block.append_until_lost(2);
  CHECK(writer->losses()->stored == Flags{true, false, false});
  CHECK(writer->losses()->errors[1].find("the fake disk fails") != std::string::npos);
  CHECK(block.end().stored == Flags{true, false, false});
}

TEST_CASE("Wrong checksums are told as what they are") {
  const auto nodes = make_nodes(2);
  const auto writer = open_writer(endpoints_of(nodes));
  REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
  const std::string bytes = random_bytes(storage::kSliceBytes);
  storage::SliceEncoder encoder({});
  encoder.begin_block(BlockId{2}, kGeneration);  // Sums are tied to their block.
  for (int i = 0; i < 10'000 && !(writer->losses() && !writer->losses()->stored[1]); ++i) {
    const auto encoded = encoder.encode(std::as_bytes(std::span(bytes)));
    REQUIRE(writer->append(encoded.slices, encoded.stored).ok());
  }
  REQUIRE(writer->losses());
  for (const auto& error : writer->losses()->errors) {
    CHECK(error.find("arrived with a wrong checksum") != std::string::npos);
  }
}

TEST_CASE("A target that hangs is known within the progress time-out") {
  const SilentListener hung;
  const auto nodes = make_nodes(2, pipeline_server());
  SECTION("while the block is being sent") {
    const auto writer = open_writer({nodes[0]->endpoint(), nodes[1]->endpoint(), hung.endpoint()});
    OpenedBlock block(*writer, BlockId{1});
    block.append_until_lost(1);
    CHECK(writer->losses()->stored == Flags{true, true, false});
    CHECK(writer->losses()->timed_out == Flags{false, false, true});
  }
  SECTION("while nothing is sent") {
    RawPeer client(nodes[0]->endpoint().port);
    const auto block = block_frames(BlockId{1}, "abc");
    REQUIRE(client.send(hello_frame() + open_frame({nodes[1]->endpoint(), hung.endpoint()}) +
                        block[0] + block[1]));
    REQUIRE(next_answer(client) == FrameType::kWelcome);
    const auto lost = next_loss(client);
    CHECK(lost.target == 2);
    CHECK(lost.status.to_error().code == Errc::kTimedOut);
  }
}

TEST_CASE("What the next node says of lost targets is passed on, or else it is dropped") {
  Node node;
  SilentListener listener;
  RawPeer client(node.endpoint().port);
  const auto first = block_frames(BlockId{1}, "abc");
  const auto second = block_frames(BlockId{2}, "abc");
  const metadata::Endpoint last{"127.0.0.1", 1};
  REQUIRE(client.send(hello_frame() + open_frame({listener.endpoint(), last}) + joined(first) +
                      second[0]));
  REQUIRE(next_answer(client) == FrameType::kWelcome);
  auto next = listener.accept();
  for (const auto type : {FrameType::kHello, FrameType::kOpenPipeline, FrameType::kBeginBlock,
                          FrameType::kWriteSlices, FrameType::kEndBlock, FrameType::kBeginBlock}) {
    REQUIRE(next.next_frame() == type);
  }
  // The first block is ended: its ack will tell. The second is open.
  REQUIRE(next.send(loss_frame({BlockId{1}, 0, {9, "disk"}}) +
                    loss_frame({BlockId{2}, 1, {9, "disk"}})));
  const auto passed = next_loss(client);
  CHECK(passed.block == BlockId{2});
  CHECK(passed.target == 2);
  CHECK(passed.status.message == "disk");

  const std::vector<TargetLost> garbage{{BlockId{2}, 1, {9, "twice"}},
                                        {BlockId{2}, 2, {9, "no such target"}},
                                        {BlockId{3}, 0, {9, "no such block"}}};
  REQUIRE(next.send(loss_frame(garbage.at(static_cast<std::size_t>(GENERATE(range(0, 3)))))));
  const auto dropped = next_loss(client);
  CHECK(dropped.block == BlockId{2});
  CHECK(dropped.target == 1);
  CHECK(dropped.status.to_error().code == Errc::kProtocol);
  CHECK(next.wait_closed());
  REQUIRE(client.send(second[1] + second[2]));
  CHECK(next_answer(client) == FrameType::kAckBlock);
  REQUIRE(next_answer(client) == FrameType::kAckBlock);
  const auto ack = parse_ack_block(client.control());
  REQUIRE(ack.ok());
  CHECK(ack->targets[0].ok());
}

TEST_CASE("A first node that says nonsense of lost targets is an error of the writer") {
  SilentListener listener;
  std::string welcome;
  append_frame(welcome, FrameType::kWelcome, Welcome{});
  const std::vector<std::string> answers{
      loss_frame({BlockId{1}, 2, {9, "no such target"}}),
      loss_frame({BlockId{7}, 0, {9, "no such block"}}),
      loss_frame({BlockId{1}, 1, {9, "disk"}}) + loss_frame({BlockId{1}, 1, {9, "twice"}})};
  const auto& answer = answers.at(static_cast<std::size_t>(GENERATE(range(0, 3))));
  std::thread first([&] {
    auto peer = listener.accept();
    REQUIRE(peer.send(welcome));
    while (peer.next_frame() != FrameType::kBeginBlock) {
    }
    REQUIRE(peer.send(answer));
    REQUIRE(peer.wait_closed());
  });
  {
    const auto writer = open_writer({listener.endpoint(), {"127.0.0.1", 1}});
    REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
    storage::SliceEncoder encoder({});
    encoder.begin_block(BlockId{1}, kGeneration);
    const std::string piece = random_bytes(storage::kSliceBytes);
    Status status;
    for (int i = 0; i < 10'000 && status.ok(); ++i) {
      const auto encoded = encoder.encode(std::as_bytes(std::span(piece)));
      status = writer->append(encoded.slices, encoded.stored);
    }
    REQUIRE(!status.ok());
    CHECK(status.error().code == Errc::kProtocol);
    CHECK(!writer->end_block().ok());
  }
  first.join();
}

}  // namespace
}  // namespace minidfs::transfer
