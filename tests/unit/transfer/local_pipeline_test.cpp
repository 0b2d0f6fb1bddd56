// Pipelines that begin with the datanode of the writer's own process.
#include "transfer/local_pipeline_writer.hpp"
// The above comes first: see net/asio.hpp.
#include "unit/transfer/fixture.hpp"
#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using Catch::Matchers::Contains;
using std::chrono::milliseconds;
constexpr std::size_t kChunk = 8 * storage::kSliceBytes;

// The loop of a writer.
class Loop {
 public:
  template <class T>
  T run(asio::awaitable<T> operation) {
    const auto result = begin(std::move(operation));
    io_.restart();
    while (!result->has_value()) REQUIRE(io_.run_one() > 0);
    return std::move(**result);
  }
  // The result stands there once enough of the loop has run.
  template <class T>
  std::shared_ptr<std::optional<T>> begin(asio::awaitable<T> operation) {
    auto result = std::make_shared<std::optional<T>>();
    asio::co_spawn(io_, note(std::move(operation), result),
                   [](const std::exception_ptr& thrown) { REQUIRE_FALSE(thrown); });
    return result;
  }
  // Everything that can be done without waiting.
  void poll() {
    io_.restart();
    io_.poll();
  }
  void run_for(milliseconds time) {
    io_.restart();
    io_.run_for(time);
  }
  asio::any_io_executor executor() { return io_.get_executor(); }

 private:
  template <class T>
  static asio::awaitable<void> note(asio::awaitable<T> operation,
                                    std::shared_ptr<std::optional<T>> result) {
    result->emplace(co_await std::move(operation));
  }

  asio::io_context io_{1};
};

asio::awaitable<Status> append(BlockPipeline& pipeline, BlockId block, const std::string& bytes) {
  storage::SliceEncoder encoder({});
  encoder.begin_block(block, kGeneration);
  const auto all = std::as_bytes(std::span(bytes));
  for (std::size_t at = 0; at < all.size(); at += kChunk) {
    const auto encoded = encoder.encode(all.subspan(at, std::min(all.size() - at, kChunk)));
    Status sent = co_await pipeline.append(encoded.slices, encoded.stored);
    if (!sent.ok()) co_return sent;
  }
  co_return Status();
}

asio::awaitable<Status> send(BlockPipeline& pipeline, BlockId block, const std::string& bytes,
                             BlockPipeline::Next next = BlockPipeline::Next::kSomeDay) {
  Status status = pipeline.begin_block(block, kGeneration, bytes.size());
  if (status.ok()) status = co_await append(pipeline, block, bytes);
  if (status.ok()) status = co_await pipeline.end_block(next);
  co_return status;
}

// The first node of a pipeline with a writer in its process, and the others.
struct Pipelines {
  explicit Pipelines(std::size_t count, const DataServerOptions& options = {})
      : nodes(make_nodes(count, options)) {}

  std::unique_ptr<BlockPipeline> make() {
    return nodes.front()->server->leader().lead_pipeline(loop.executor(), endpoints_of(nodes),
                                                         good_client());
  }
  std::unique_ptr<BlockPipeline> open() {
    auto pipeline = make();
    REQUIRE(loop.run(pipeline->open()).ok());
    return pipeline;
  }
  Status begin(BlockPipeline& pipeline, BlockId block, const std::string& bytes) {
    MDFS_CHECK(pipeline.begin_block(block, kGeneration, 2 * bytes.size()));
    return loop.run(append(pipeline, block, bytes));
  }
  BlockAck ack(BlockPipeline& pipeline) {
    auto ack = loop.run(pipeline.wait_ack());
    INFO((ack.ok() ? "" : ack.error().message));
    REQUIRE(ack.ok());
    return *std::move(ack);
  }
  std::string content(std::size_t node, BlockId block, std::size_t size) {
    const auto client = open_client(*nodes[node]);
    auto bytes = read_range(*client, block, 0, size);
    REQUIRE(bytes.ok());
    return *bytes;
  }

  std::vector<std::unique_ptr<Node>> nodes;
  Loop loop;
};

const std::vector<bool> kAllOfThree{true, true, true};

TEST_CASE("A writer in a datanode's process stores there without a connection") {
  Pipelines all(3);
  const auto large = random_bytes(5 * kChunk + 77);
  const auto pipeline = all.open();
  REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, large)).ok());
  REQUIRE(all.loop.run(send(*pipeline, BlockId{2}, "abc", BlockPipeline::Next::kAtOnce)).ok());
  REQUIRE(all.loop.run(send(*pipeline, BlockId{3}, "defg")).ok());
  CHECK(all.nodes[0]->server->load().connections == 0);
  for (const std::uint64_t block : {1, 2, 3}) {
    const auto ack = all.ack(*pipeline);
    CHECK(ack.block == BlockId{block});
    CHECK(ack.stored == kAllOfThree);
  }
  CHECK(all.loop.run(pipeline->wait_ack()).error().code == Errc::kInvalidArgument);
  CHECK(all.nodes[0]->server->load().bytes_received == large.size() + 7);
  for (std::size_t node = 0; node < 3; ++node) {
    CHECK(all.content(node, BlockId{1}, large.size()) == large);
    CHECK(all.content(node, BlockId{3}, 4) == "defg");
    CHECK(all.nodes[node]->events.wait_stored(3));
  }
  CHECK(all.nodes[0]->server->load().active_writes == 0);
  CHECK(all.nodes[0]->server->load().receive_bytes == 0);
}

TEST_CASE("A block that is open counts as a write of its datanode") {
  Pipelines all(1);
  const auto pipeline = all.open();
  REQUIRE(all.begin(*pipeline, BlockId{1}, "abc").ok());
  CHECK(all.nodes[0]->server->load().active_writes == 1);
  REQUIRE(all.loop.run(pipeline->end_block()).ok());
  CHECK(all.nodes[0]->server->load().active_writes == 0);
  CHECK(all.ack(*pipeline).stored == std::vector<bool>{true});
}

TEST_CASE("The writer's own node keeps its replica at hand, those behind it need not") {
  Pipelines all(2);
  const auto pipeline = all.open();
  REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, "abc")).ok());
  (void)all.ack(*pipeline);
  CHECK(all.nodes[0]->store.readers_of(BlockId{1}) == storage::Readers::kHere);
  CHECK(all.nodes[1]->store.readers_of(BlockId{1}) == storage::Readers::kElsewhere);
}

TEST_CASE("What the own store cannot keep is lost there, and the next nodes go on") {
  Pipelines all(3);
  const auto bytes = random_bytes(3 * kChunk);
  const auto pipeline = all.open();
  all.nodes[0]->store.fail_appends_of(BlockId{1});
  REQUIRE(all.begin(*pipeline, BlockId{1}, bytes).ok());
  REQUIRE(pipeline->losses());
  CHECK(pipeline->losses()->stored == std::vector<bool>{false, true, true});
  REQUIRE(all.loop.run(pipeline->end_block()).ok());
  CHECK_FALSE(pipeline->losses());
  const auto ack = all.ack(*pipeline);
  CHECK(ack.stored == std::vector<bool>{false, true, true});
  CHECK_THAT(ack.errors[0], Contains(metadata::to_string(all.nodes[0]->endpoint())));
  CHECK(all.content(2, BlockId{1}, bytes.size()) == bytes);
  // It was of that block only.
  REQUIRE(all.loop.run(send(*pipeline, BlockId{2}, "abc")).ok());
  CHECK(all.ack(*pipeline).stored == kAllOfThree);
}

TEST_CASE("Without its next node a pipeline keeps blocks here, and says who is lost") {
  Pipelines all(3);
  const auto bytes = random_bytes(3 * kChunk);
  const auto gone = metadata::to_string(all.nodes[1]->endpoint());
  const std::vector<bool> here{true, false, false};
  SECTION("that is gone before") {
    const auto targets = endpoints_of(all.nodes);
    all.nodes[1]->server.reset();
    const auto pipeline =
        all.nodes[0]->server->leader().lead_pipeline(all.loop.executor(), targets, good_client());
    REQUIRE(all.loop.run(pipeline->open()).ok());
    REQUIRE(all.begin(*pipeline, BlockId{1}, bytes).ok());
    REQUIRE(pipeline->losses());
    CHECK(pipeline->losses()->stored == here);
    REQUIRE(all.loop.run(pipeline->end_block()).ok());
    const auto ack = all.ack(*pipeline);
    CHECK(ack.stored == here);
    CHECK_THAT(ack.errors[1], Contains(gone));
    CHECK_THAT(ack.errors[2], Contains("behind " + gone));
  }
  SECTION("that goes in the middle of a block") {
    const auto pipeline = all.open();
    REQUIRE(all.begin(*pipeline, BlockId{1}, bytes).ok());
    CHECK_FALSE(pipeline->losses());
    all.nodes[1]->server.reset();
    // As soon as the connection is known to be lost.
    const bool lost = comes_true([&] {
      REQUIRE(all.loop.run(append(*pipeline, BlockId{1}, std::string(kChunk, 'x'))).ok());
      return pipeline->losses().has_value();
    });
    REQUIRE(lost);
    CHECK(pipeline->losses()->stored == here);
    REQUIRE(all.loop.run(pipeline->end_block()).ok());
    CHECK(all.ack(*pipeline).stored == here);
    REQUIRE(all.loop.run(send(*pipeline, BlockId{2}, "abc")).ok());
    CHECK(all.ack(*pipeline).stored == here);
    CHECK(all.content(0, BlockId{2}, 3) == "abc");
  }
  SECTION("that goes when a block was sent and has no ack yet") {
    all.nodes[2]->store.hold_finishes(true);
    const auto pipeline = all.open();
    REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, bytes)).ok());
    REQUIRE(all.nodes[0]->events.wait_stored(1));
    all.nodes[1]->server.reset();
    CHECK(all.ack(*pipeline).stored == here);
    all.nodes[2]->store.hold_finishes(false);
  }
}

TEST_CASE("That a node further on is lost is told as of any pipeline") {
  Pipelines all(3);
  all.nodes[2]->store.fail_appends_of(BlockId{1});
  const auto pipeline = all.open();
  REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, random_bytes(3 * kChunk))).ok());
  CHECK(all.ack(*pipeline).stored == std::vector<bool>{true, true, false});
}

// Its next nodes may have gone meanwhile, and others come: the writer asks for another pipeline.
TEST_CASE("A pipeline that stood idle and has lost its next node is of no use") {
  Pipelines all(2);
  Loop other;
  const auto pipeline = all.open();
  REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, "abc")).ok());
  (void)all.ack(*pipeline);
  pipeline->leave_loop();
  const bool goes_on = GENERATE(true, false);
  if (!goes_on) all.nodes[1]->server.reset();
  pipeline->join_loop(other.executor());
  const auto bytes = random_bytes(3 * kChunk);
  Status sent = other.run(send(*pipeline, BlockId{2}, bytes));
  auto ack = other.run(pipeline->wait_ack());
  CHECK(ack.ok() == goes_on);
  if (goes_on) {
    CHECK(sent.ok());
    CHECK(all.content(1, BlockId{2}, bytes.size()) == bytes);
  } else {
    CHECK(ack.error().code == Errc::kUnavailable);
    CHECK_FALSE(pipeline->begin_block(BlockId{3}, kGeneration, 0).ok());
  }
}

TEST_CASE("A writer is not faster than the disk of its own node") {
  Pipelines all(1);
  const auto bytes = random_bytes(4 * WriteBacklog::kBytesMax);
  const auto pipeline = all.open();
  all.nodes[0]->store.hold_memory(true);
  REQUIRE(pipeline->begin_block(BlockId{1}, kGeneration, bytes.size()).ok());
  const auto appended = all.loop.begin(append(*pipeline, BlockId{1}, bytes));
  all.loop.poll();
  REQUIRE_FALSE(appended->has_value());
  const auto held = all.nodes[0]->server->load().receive_bytes;
  CHECK(held >= WriteBacklog::kBytesMax);
  CHECK(held < 2 * WriteBacklog::kBytesMax);
  SECTION("which writes again") {
    all.nodes[0]->store.hold_memory(false);
    CHECK(comes_true([&] {
      all.loop.run_for(milliseconds(1));
      return appended->has_value();
    }));
    REQUIRE((*appended)->ok());
    REQUIRE(all.loop.run(pipeline->end_block()).ok());
    CHECK(all.ack(*pipeline).stored == std::vector<bool>{true});
    CHECK(all.content(0, BlockId{1}, bytes.size()) == bytes);
  }
  SECTION("and need not wait for it") {
    pipeline->cancel();
    all.loop.poll();
    REQUIRE(appended->has_value());
    CHECK((*appended)->error().code == Errc::kCancelled);
    CHECK(pipeline->begin_block(BlockId{2}, kGeneration, 0).error().code == Errc::kCancelled);
    all.nodes[0]->store.hold_memory(false);
  }
}

TEST_CASE("A block is acknowledged when its own node has stored it too") {
  Pipelines all(2);
  const auto pipeline = all.open();
  all.nodes[0]->store.hold_finishes(true);
  REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, "abc")).ok());
  REQUIRE(all.nodes[1]->events.wait_stored(1));
  const auto ack = all.loop.begin(pipeline->wait_ack());
  all.loop.run_for(milliseconds(50));
  REQUIRE_FALSE(ack->has_value());
  SECTION("later") {
    all.nodes[0]->store.hold_finishes(false);
    CHECK(comes_true([&] {
      all.loop.run_for(milliseconds(1));
      return ack->has_value();
    }));
    CHECK((**ack)->stored == std::vector<bool>{true, true});
  }
  SECTION("or its writer gives up") {
    pipeline->cancel();
    all.loop.poll();
    REQUIRE(ack->has_value());
    CHECK((*ack)->error().code == Errc::kCancelled);
    all.nodes[0]->store.hold_finishes(false);
  }
}

TEST_CASE("The datanode hears of a replica whose writer is gone") {
  Pipelines all(1);
  all.nodes[0]->store.hold_finishes(true);
  {
    const auto pipeline = all.open();
    REQUIRE(all.loop.run(send(*pipeline, BlockId{1}, "abc")).ok());
  }
  all.nodes[0]->store.hold_finishes(false);
  CHECK(all.nodes[0]->events.wait_stored(1));
}

TEST_CASE("A writer that goes in the middle of a block leaves nothing in its own store") {
  Pipelines all(2);
  {
    const auto pipeline = all.open();
    REQUIRE(all.begin(*pipeline, BlockId{1}, random_bytes(kChunk)).ok());
    CHECK(all.nodes[0]->store.open_writers() == 1);
  }
  CHECK(all.nodes[0]->store.open_writers() == 0);
  CHECK_FALSE(all.nodes[0]->store.has(BlockId{1}));
  CHECK(all.nodes[0]->server->load().receive_bytes == 0);
  CHECK(all.nodes[0]->server->load().active_writes == 0);
  CHECK(comes_true([&] { return all.nodes[1]->store.open_writers() == 0; }));
}

}  // namespace
}  // namespace minidfs::transfer
