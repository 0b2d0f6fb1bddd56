// Receive memory under peers that announce much and send little: nobody else may feel it.
#include <sys/resource.h>

#include "transfer/receive_memory.hpp"
#include "transfer/write_backlog.hpp"
#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

// Both ends of every connection are in this process.
void allow_descriptors(rlim_t count) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_max >= count);
  limit.rlim_cur = std::max(limit.rlim_cur, count);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

DataServerOptions one_thread() {
  DataServerOptions options;
  options.threads = 1;
  return options;
}

// A write in a thread of its own, so that one that never ends fails the test instead of holding it.
class WriterThread {
 public:
  WriterThread(std::vector<metadata::Endpoint> targets, BlockId block)
      : thread_([targets = std::move(targets), block] {
          auto writer = PipelineWriter::open(targets, good_client());
          if (writer.ok() && send_block(**writer, block, random_bytes(300'000)).ok()) {
            static_cast<void>((*writer)->wait_ack());
          }
        }) {}
  ~WriterThread() { thread_.join(); }

 private:
  std::thread thread_;
};

TEST_CASE("Half-sent frames hold no memory: others write and read meanwhile") {
  constexpr std::size_t kPeers = 900;  // Enough to have stopped a loop for ever.
  allow_descriptors(2 * kPeers + 200);
  const std::size_t sent_bytes = GENERATE(std::size_t{0}, std::size_t{100'000});
  CAPTURE(sent_bytes);
  Node node(one_thread());
  write_block(*open_writer({node.endpoint()}), BlockId{1}, random_bytes(200'000));
  REQUIRE(node.events.wait_stored(1));
  const auto block = block_frames(BlockId{2}, random_bytes(kFrameDataMax));
  const std::size_t head = kFrameHeaderBytes + kFrameSlicesMax * sizeof(storage::Slice);
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (std::size_t i = 0; i < kPeers; ++i) {
    peers.push_back(std::make_unique<RawPeer>(node.endpoint().port));
    std::string begin;
    append_frame(begin, FrameType::kBeginBlock, BeginBlock{BlockId{100 + i}, kGeneration, 0});
    REQUIRE(peers.back()->send(hello_frame() + open_frame() + begin +
                               block[1].substr(0, head + sent_bytes)));
  }
  // All of them are there: the last one was welcomed.
  REQUIRE(peers.back()->next_frame() == FrameType::kWelcome);
  {
    const WriterThread writer({node.endpoint()}, BlockId{3});
    const bool stored = node.events.wait_stored(2);
    CHECK(stored);
    if (!stored) node.server.reset();
    REQUIRE(stored);
  }
  CHECK(read_range(*open_client(node), BlockId{1}, 0, 200'000).ok());
  CHECK(read_range(*open_client(node), BlockId{3}, 0, 300'000).ok());
  // What whole slices the peers sent may still be on its way through the loop; it needs no more
  // from them.
  CHECK(comes_true([&] { return node.server->load().receive_bytes == 0; }));
}

TEST_CASE("Blocks that wait to be stored hold no more files than there are to spare") {
  constexpr std::uint64_t kBlocks = 300;
  auto options = one_thread();
  options.block_files_max = 4;
  Node node(options);
  node.store.hold_finishes(true);
  // Empty blocks of unknown size: hundreds of them arrive at once.
  const auto send_blocks = [](RawPeer& peer, std::uint64_t first) {
    std::string blocks = hello_frame() + open_frame();
    for (std::uint64_t i = 0; i < kBlocks; ++i)
      blocks += joined(block_frames(BlockId{first + i}, ""));
    REQUIRE(peer.send(blocks));
    REQUIRE(peer.next_frame() == FrameType::kWelcome);
  };
  RawPeer greedy(node.endpoint().port);
  send_blocks(greedy, 1);
  CHECK(comes_true([&] { return node.store.open_writers() == 4; }));
  // Another one has the file of its own all the same.
  RawPeer other(node.endpoint().port);
  send_blocks(other, 1000);
  CHECK(comes_true([&] { return node.store.open_writers() == 5; }));
  // The loop, which has one thread, has had time for both.
  RawPeer last(node.endpoint().port);
  REQUIRE(last.send(hello_frame()));
  REQUIRE(last.next_frame() == FrameType::kWelcome);
  CHECK(node.store.open_writers() == 5);
  node.store.hold_finishes(false);
  CHECK(node.events.wait_stored(2 * kBlocks));
  CHECK(comes_true([&] { return node.store.open_writers() == 0; }));
}

TEST_CASE("A node passes on whole slices only: the next one never waits in the middle of one") {
  SilentListener next;
  Node node(one_thread());
  RawPeer writer(node.endpoint().port);
  const auto block = block_frames(BlockId{1}, random_bytes(kFrameDataMax));
  const std::size_t head = kFrameHeaderBytes + kFrameSlicesMax * sizeof(storage::Slice);
  const std::size_t whole = head + 2 * storage::kSliceBytes;
  REQUIRE(writer.send(hello_frame() + open_frame({next.endpoint()}) + block[0] +
                      block[1].substr(0, whole + 30'000)));
  const RawPeer behind = next.accept();
  std::string passed(hello_frame().size() + open_frame().size() + block[0].size() + whole, 0);
  REQUIRE(::recv(behind.fd(), passed.data(), passed.size(), MSG_WAITALL) ==
          static_cast<ssize_t>(passed.size()));
  CHECK(passed.substr(passed.size() - whole) == block[1].substr(0, whole));
  // The loop, which has one thread, has seen all that was sent.
  RawPeer last(node.endpoint().port);
  REQUIRE(last.send(hello_frame()));
  REQUIRE(last.next_frame() == FrameType::kWelcome);
  pollfd entry{behind.fd(), POLLIN, 0};
  CHECK(::poll(&entry, 1, 0) == 0);
}

TEST_CASE(
    "A writer that stops in the middle of a block is given up, one with signs of life is not") {
  Node node(impatient_server());
  const auto block = block_frames(BlockId{1}, "abc");
  RawPeer silent(node.endpoint().port);
  REQUIRE(silent.send(hello_frame() + open_frame() + block[0] + block[1]));
  RawPeer alive(node.endpoint().port);
  REQUIRE(alive.send(hello_frame() + open_frame() + block_frames(BlockId{2}, "abc")[0]));
  REQUIRE(silent.next_frame() == FrameType::kWelcome);
  std::string sign;
  append_frame(sign, FrameType::kKeepAlive, KeepAlive());
  std::atomic<bool> closed{false};
  std::thread watch([&] {
    CHECK(silent.wait_closed());
    closed = true;
  });
  // Until the silent one has gone, and some signs of life beyond.
  auto type = alive.next_frame();
  CHECK(type == FrameType::kWelcome);
  for (int beyond = 0; beyond < 8 && type; beyond += closed ? 1 : 0) {
    static_cast<void>(alive.send(sign));
    type = alive.next_frame();
  }
  watch.join();
  CHECK(type == FrameType::kKeepAlive);
  CHECK(alive.send(block_frames(BlockId{2}, "abc")[1] + block_frames(BlockId{2}, "abc")[2]));
  while (type == FrameType::kKeepAlive) type = alive.next_frame();
  CHECK(type == FrameType::kAckBlock);
}

TEST_CASE("A writer of a slow source gives signs of life by itself") {
  DataServerOptions options;
  options.progress_timeout = kImpatient;
  auto nodes = make_nodes(2, options);
  const auto writer = open_writer(endpoints_of(nodes));
  REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
  storage::SliceEncoder encoder({});
  encoder.begin_block(BlockId{1}, kGeneration);
  const auto raw = random_bytes(2 * storage::kSliceBytes);
  const auto encoded = encoder.encode(std::as_bytes(std::span(raw)));
  REQUIRE(writer->append(encoded.slices, encoded.stored).ok());
  // Another writer that is silent for as long is gone.
  RawPeer silent(nodes[0]->endpoint().port);
  REQUIRE(silent.send(hello_frame() + open_frame() + block_frames(BlockId{2}, "abc")[0]));
  CHECK(silent.wait_closed());
  REQUIRE(writer->end_block().ok());
  const auto ack = writer->wait_ack();
  REQUIRE(ack.ok());
  CHECK(ack->stored == std::vector<bool>{true, true});
}

TEST_CASE("A writer that waits for an ack gives signs of life for the block that it has open") {
  DataServerOptions options;
  options.progress_timeout = kImpatient;
  Node node(options);
  node.store.hold_finishes(true);
  const auto writer = open_writer({node.endpoint()});
  REQUIRE(send_block(*writer, BlockId{1}, "held").ok());
  REQUIRE(writer->begin_block(BlockId{2}, kGeneration, 0).ok());
  storage::SliceEncoder encoder({});
  encoder.begin_block(BlockId{2}, kGeneration);
  const auto raw = random_bytes(2 * storage::kSliceBytes);
  const auto encoded = encoder.encode(std::as_bytes(std::span(raw)));
  REQUIRE(writer->append(encoded.slices, encoded.stored).ok());
  RawPeer silent(node.endpoint().port);
  REQUIRE(silent.send(hello_frame() + open_frame() + block_frames(BlockId{3}, "abc")[0]));
  std::thread release([&] {
    CHECK(silent.wait_closed());
    node.store.hold_finishes(false);
  });
  const auto first = writer->wait_ack();
  release.join();
  REQUIRE(first.ok());
  CHECK(first->stored[0]);
  REQUIRE(writer->end_block().ok());
  const auto second = writer->wait_ack();
  REQUIRE(second.ok());
  CHECK(second->stored[0]);
}

TEST_CASE("A writer is read from as fast as its disk writes, and further when that is given up") {
  auto options = one_thread();
  options.disk_timeout = std::chrono::milliseconds(300);
  Node node(options);
  node.store.hold_memory(true);
  const auto bytes = random_bytes(4 * WriteBacklog::kBytesMax);
  std::optional<BlockAck> ack;
  std::thread writer([&] {
    const auto pipeline = PipelineWriter::open({node.endpoint()}, good_client());
    if (!pipeline.ok() || !send_block(**pipeline, BlockId{1}, bytes).ok()) return;
    if (auto answer = (*pipeline)->wait_ack(); answer.ok()) ack = std::move(*answer);
  });
  const auto held = [&] { return node.server->load().receive_bytes; };
  CHECK(comes_true([&] { return held() >= WriteBacklog::kBytesMax; }));
  // Others go on meanwhile.
  for (std::uint64_t id = 2; id < 10; ++id) {
    write_block(*open_writer({node.endpoint()}), BlockId{id}, random_bytes(1000));
  }
  // Once their connections have come to their end.
  CHECK(comes_true(
      [&] { return held() <= WriteBacklog::kBytesMax + 2 * ReceiveMemory::kPieceBytesMax; }));
  SECTION("the disk goes on") {
    node.store.hold_memory(false);
    writer.join();
    REQUIRE(ack);
    CHECK(ack->stored[0]);
    CHECK(*read_range(*open_client(node), BlockId{1}, 0, bytes.size()) == bytes);
  }
  SECTION("the disk hangs") {
    node.store.say_stalled_for(options.disk_timeout);
    writer.join();
    REQUIRE(ack);
    CHECK(ack->timed_out[0]);
  }
  node.store.hold_memory(false);
}

TEST_CASE(
    "Many writers in both directions between two nodes all end, however little memory there is") {
  auto nodes = make_nodes(2, one_thread());
  std::vector<std::unique_ptr<WriterThread>> writers;
  constexpr std::size_t kWriters = 40;
  for (std::size_t i = 0; i < kWriters; ++i) {
    auto targets = endpoints_of(nodes);
    if (i % 2 == 0) std::swap(targets[0], targets[1]);
    writers.push_back(std::make_unique<WriterThread>(targets, BlockId{1 + i}));
  }
  for (const auto& node : nodes) CHECK(node->events.wait_stored(kWriters));
  writers.clear();
  for (const auto& node : nodes) {
    CHECK(comes_true([&] { return node->server->load().receive_bytes == 0; }));
  }
}

}  // namespace
}  // namespace minidfs::transfer
