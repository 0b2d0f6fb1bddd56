// Disks that hang: a node that gives signs of life is left all the same when its disk makes no
// progress, and not before.
#include "transfer/write_backlog.hpp"
#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLimit{300};
constexpr milliseconds kNever{3'600'000};

DataServerOptions judging_after(milliseconds disk_timeout) {
  DataServerOptions options;
  options.disk_timeout = disk_timeout;
  return options;
}

TEST_CASE("A node fails the blocks of its hanging disk by itself, and stays in order") {
  Node node(judging_after(kLimit));
  node.store.hold_finishes(true);
  const auto writer = open_writer({node.endpoint()});
  SECTION("ended blocks") {
    REQUIRE(send_block(*writer, BlockId{1}, "held").ok());
    node.store.say_stalled_for(kLimit);
    const auto ack = writer->wait_ack();
    REQUIRE(ack.ok());
    CHECK(!ack->stored[0]);
    CHECK(ack->timed_out[0]);
  }
  SECTION("the open block, of which the writer hears at once") {
    REQUIRE(writer->begin_block(BlockId{1}, kGeneration, 0).ok());
    node.store.say_stalled_for(kLimit);
    storage::SliceEncoder encoder({});
    encoder.begin_block(BlockId{1}, kGeneration);
    const auto raw = random_bytes(storage::kSliceBytes);
    while (!writer->losses()) {
      const auto encoded = encoder.encode(std::as_bytes(std::span(raw)));
      REQUIRE(writer->append(encoded.slices, encoded.stored).ok());
    }
    CHECK(writer->losses()->timed_out[0]);
    REQUIRE(writer->end_block().ok());
    CHECK(!writer->wait_ack()->stored[0]);
  }
  // The disk comes back; what it reports of the block that was given up disturbs nothing.
  node.store.say_stalled_for(milliseconds(0));
  node.store.hold_finishes(false);
  CHECK(write_block(*writer, BlockId{2}, "next").stored[0]);
}

TEST_CASE("A client leaves a node that says that its disk makes no progress") {
  Node node(judging_after(kNever));
  node.store.hold_finishes(true);
  auto options = good_client();
  options.disk_timeout = kLimit;
  const auto writer = open_writer({node.endpoint()}, options);
  REQUIRE(send_block(*writer, BlockId{1}, "held").ok());
  node.store.say_stalled_for(kLimit);
  const auto ack = writer->wait_ack();
  REQUIRE(!ack.ok());
  CHECK(ack.error().code == Errc::kTimedOut);
  CHECK(ack.error().message.find(metadata::to_string(node.endpoint())) != std::string::npos);
  node.store.hold_finishes(false);
}

TEST_CASE("A node leaves the next one whose disk makes no progress, and keeps its own copy") {
  Node first(judging_after(kLimit));
  Node second(judging_after(kNever));
  second.store.hold_finishes(true);
  second.store.say_stalled_for(kLimit);
  const auto writer = open_writer({first.endpoint(), second.endpoint()});
  const auto ack = write_block(*writer, BlockId{1}, "abc");
  CHECK(ack.stored == std::vector<bool>{true, false});
  CHECK(ack.timed_out == std::vector<bool>{false, true});
  second.store.hold_finishes(false);
}

TEST_CASE("A disk that is slow within its time-out loses nobody") {
  auto nodes = make_nodes(2, judging_after(kNever));
  nodes[1]->store.hold_finishes(true);
  nodes[1]->store.say_stalled_for(kNever - milliseconds(1));
  auto options = good_client();
  options.disk_timeout = kNever;
  options.progress_timeout = kImpatient;
  const auto writer = open_writer(endpoints_of(nodes), options);
  REQUIRE(send_block(*writer, BlockId{1}, "abc").ok());
  // For as long as another node is silent before it is left.
  const SilentListener silent;
  const auto lost = PipelineWriter::open({silent.endpoint()}, options);
  CHECK(!lost.ok());
  nodes[1]->store.hold_finishes(false);
  const auto ack = writer->wait_ack();
  REQUIRE(ack.ok());
  CHECK(ack->stored == std::vector<bool>{true, true});
}

// A node does not read while its disk is behind, and so passes nothing on, no signs of life either.
TEST_CASE("A disk that is slow in the middle of a block loses none of the nodes behind it") {
  auto impatient = judging_after(kNever);
  impatient.progress_timeout = kImpatient;
  Node first(judging_after(kNever));
  Node second(impatient);
  first.store.hold_memory(true);
  const auto writer = open_writer({first.endpoint(), second.endpoint()});
  // Much more than what may wait for a disk.
  Status sent;
  std::thread sending([&] { sent = send_block(*writer, BlockId{1}, random_bytes(24 << 20)); });
  CHECK(comes_true(
      [&] { return first.server->load().receive_bytes >= WriteBacklog::kBytesMax / 2; }));
  // Soon it reads no more. Twice as long as a writer is silent before it is given up.
  for (std::uint64_t i = 0; i < 2; ++i) {
    RawPeer silent(second.endpoint().port);
    CHECK(silent.send(hello_frame() + open_frame() + block_frames(BlockId{2 + i}, "x").front()));
    CHECK(silent.wait_closed());
  }
  first.store.hold_memory(false);
  sending.join();
  REQUIRE(sent.ok());
  const auto ack = writer->wait_ack();
  REQUIRE(ack.ok());
  CHECK(ack->stored == std::vector<bool>{true, true});
}

}  // namespace
}  // namespace minidfs::transfer
