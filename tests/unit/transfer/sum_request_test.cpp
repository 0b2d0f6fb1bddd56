// Datanodes are asked for the sums of their replicas.
#include "net/blocking_loop.hpp"
#include "transfer/async_replica_client.hpp"
// The above come first: see net/asio.hpp.
#include <thread>

#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;
constexpr std::size_t kSlice = storage::kSliceBytes;

BlockSum sum_of(const std::string& bytes) {
  BlockSummer summer;
  summer.add(std::as_bytes(std::span(bytes)));
  return summer.take();
}

// A connection with a loop of its own, which runs while something is waited for.
struct Asker {
  explicit Asker(const metadata::Endpoint& datanode, ConnectionOptions options = good_client())
      : client(loop->executor(), datanode, options), opened(loop->run(client, client.open())) {}

  Result<BlockSum> ask(BlockId block, std::uint64_t generation, std::uint64_t length) {
    MDFS_CHECK(loop->run(client, client.request_sum({block, generation, length})));
    return loop->run(client, client.receive_sum());
  }
  Result<std::string> read(BlockId block, std::uint64_t length) {
    const ReadRequest request{block, kGeneration, 0, length};
    MDFS_CHECK(loop->run(client, client.request(std::span(&request, 1))));
    std::string bytes;
    const ByteSink sink = [&](std::span<const std::byte> part) {
      bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
      return Status();
    };
    MDFS_CHECK(*loop->run(client, client.receive(sink)));
    return bytes;
  }

  std::unique_ptr<net::BlockingLoop> loop = std::move(*net::BlockingLoop::make());
  AsyncReplicaClient client;
  Status opened;
};

std::string sum_frame(BlockId block, std::uint64_t length) {
  std::string out;
  append_frame(out, FrameType::kSumBlock, SumBlock{block, kGeneration, length});
  return out;
}

TEST_CASE("A datanode tells the sums of its replicas, between reads over one connection") {
  Node node;
  const auto bytes = std::string(70 * kSlice, 'z') + random_bytes(70 * kSlice + 77);
  write_block(*open_writer({node.endpoint()}), BlockId{1}, bytes, GENERATE("none", "zstd"));
  write_block(*open_writer({node.endpoint()}), BlockId{2}, "hello");
  Asker asker(node.endpoint());
  REQUIRE(asker.opened.ok());
  REQUIRE(asker.client.can_sum());
  CHECK(asker.ask(BlockId{1}, kGeneration, bytes.size()).value() == sum_of(bytes));
  CHECK(asker.read(BlockId{2}, 5).value() == "hello");
  CHECK(asker.ask(BlockId{2}, kGeneration, 5).value() == sum_of("hello"));
  CHECK(asker.client.usable());
  CHECK(node.events.corrupt_count() == 0);
}

TEST_CASE("What a datanode does not have as it was asked for is told, and the connection stays") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  Asker asker(node.endpoint());
  CHECK(asker.ask(BlockId{8}, kGeneration, 5).error().code == Errc::kNotFound);
  CHECK(asker.ask(BlockId{1}, kGeneration + 1, 5).error().code == Errc::kStale);
  CHECK(asker.ask(BlockId{1}, kGeneration, 4).error().code == Errc::kStale);
  CHECK(asker.ask(BlockId{1}, kGeneration, 6).error().code == Errc::kStale);
  CHECK(asker.client.usable());
  CHECK(asker.ask(BlockId{1}, kGeneration, 5).value() == sum_of("hello"));
  CHECK(node.events.corrupt_count() == 0);
}

TEST_CASE("A replica that is bad has no sums, and its datanode reports it") {
  Node node;
  const auto bytes = random_bytes(100 * kSlice);
  write_block(*open_writer({node.endpoint()}), BlockId{1}, bytes);
  node.store.flip_byte(BlockId{1}, 90 * kSlice + 3);
  Asker asker(node.endpoint());
  CHECK(asker.ask(BlockId{1}, kGeneration, bytes.size()).error().code == Errc::kCorrupt);
  CHECK(node.events.wait_corrupt(1));
  CHECK(asker.client.usable());
}

TEST_CASE("A datanode at a long block says that it is at it") {
  auto options = pipeline_server();
  Node node(options);
  const auto bytes = random_bytes(70 * kSlice);
  write_block(*open_writer({node.endpoint()}), BlockId{1}, bytes);
  node.store.hold_jobs(true);
  RawPeer peer(node.endpoint().port);
  REQUIRE(peer.send(hello_frame() + sum_frame(BlockId{1}, bytes.size())));
  REQUIRE(peer.next_frame() == FrameType::kWelcome);
  REQUIRE(comes_true([&] { return node.store.held_jobs() == 1; }));
  // The first turn has taken a while when the second begins.
  std::this_thread::sleep_for(options.progress_timeout / 2);
  node.store.hold_jobs(false);
  node.store.do_jobs();
  CHECK(peer.next_frame() == FrameType::kKeepAlive);
  CHECK(peer.next_frame() == FrameType::kBlockSummed);
  CHECK(parse_block_summed(peer.control()).value().sum == sum_of(bytes));
}

TEST_CASE("A sum ends with the turn in which its asker goes") {
  Node node;
  const auto bytes = random_bytes(200 * kSlice);
  write_block(*open_writer({node.endpoint()}), BlockId{1}, bytes);
  node.store.hold_jobs(true);
  {
    RawPeer peer(node.endpoint().port);
    REQUIRE(peer.send(hello_frame() + sum_frame(BlockId{1}, bytes.size())));
    REQUIRE(comes_true([&] { return node.store.held_jobs() == 1; }));
    CHECK(node.server->load().active_reads == 1);
  }  // The welcome was not read, which makes it a reset.
  std::this_thread::sleep_for(milliseconds(700));  // Longer than from one sweep to the next.
  node.store.do_jobs();
  CHECK(comes_true([&] { return node.server->load().active_reads == 0; }));
  CHECK(node.store.held_jobs() == 0);
}

TEST_CASE("A disk that hangs is told within its own time") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  node.store.hold_jobs(true);
  std::thread disk([&] {
    if (comes_true([&] { return node.store.held_jobs() == 1; })) node.store.give_up_jobs();
  });
  Asker asker(node.endpoint());
  const auto sum = asker.ask(BlockId{1}, kGeneration, 5);
  disk.join();
  REQUIRE_FALSE(sum.ok());
  CHECK(sum.error().code == Errc::kTimedOut);
  CHECK(asker.client.usable());
}

// A datanode whose every word is the test's.
struct ScriptedNode {
  explicit ScriptedNode(std::function<void(RawPeer&)> after_welcome,
                        InterfaceVersions versions = own_versions())
      : thread([this, versions, script = std::move(after_welcome)] {
          auto peer = listener.accept();
          if (peer.next_frame() != FrameType::kHello) return;
          std::string out;
          append_frame(out, FrameType::kWelcome, Welcome{.versions = versions});
          peer.send(out);
          script(peer);
        }) {}
  ~ScriptedNode() { thread.join(); }

  SilentListener listener;
  std::thread thread;
};

TEST_CASE("A datanode of the version before is known by its welcome") {
  ScriptedNode old([](RawPeer&) {}, {1, 1});
  Asker asker(old.listener.endpoint());
  REQUIRE(asker.opened.ok());
  CHECK_FALSE(asker.client.can_sum());
}

TEST_CASE("Signs of life make a sum wait, and silence ends it") {
  const bool lives = GENERATE(true, false);
  ConnectionOptions options{.cluster = kCluster, .progress_timeout = milliseconds(400)};
  ScriptedNode node([lives](RawPeer& peer) {
    if (peer.next_frame() != FrameType::kSumBlock) return;
    for (int i = 0; i < 8; ++i) {
      std::this_thread::sleep_for(milliseconds(150));
      std::string alive;
      append_frame(alive, FrameType::kKeepAlive, KeepAlive());
      if (lives) peer.send(alive);
    }
    std::string out;
    append_frame(out, FrameType::kBlockSummed, BlockSummed{BlockId{1}, sum_of("hello")});
    peer.send(out);
  });
  Asker asker(node.listener.endpoint(), options);
  const auto sum = asker.ask(BlockId{1}, kGeneration, 5);
  CHECK(sum.ok() == lives);
  CHECK(asker.client.usable() == lives);
  if (!lives) CHECK(sum.error().code == Errc::kTimedOut);
}

TEST_CASE("An answer that is none to the request ends the connection") {
  const auto kind = GENERATE(0, 1, 2);
  ScriptedNode node([kind](RawPeer& peer) {
    if (peer.next_frame() != FrameType::kSumBlock) return;
    std::string out;
    if (kind == 0) {
      append_frame(out, FrameType::kBlockSummed, BlockSummed{BlockId{2}, sum_of("hello")});
    } else if (kind == 1) {
      append_frame(out, FrameType::kReadBegins, ReadBegins{BlockId{1}, 0, 0, 5});
    } else {
      out = "these bytes are no frame of any kind";
    }
    peer.send(out);
  });
  Asker asker(node.listener.endpoint());
  const auto sum = asker.ask(BlockId{1}, kGeneration, 5);
  REQUIRE_FALSE(sum.ok());
  CHECK(sum.error().code == Errc::kProtocol);
  CHECK_FALSE(asker.client.usable());
}

}  // namespace
}  // namespace minidfs::transfer
