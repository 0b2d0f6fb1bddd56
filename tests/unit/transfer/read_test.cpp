// Reading when something is wrong with the replica, the server or the reader.
#include <future>

#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;
constexpr std::size_t kSlice = storage::kSliceBytes;

TEST_CASE("A missing replica or another generation leaves the connection in order") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  const auto client = open_client(node);
  REQUIRE(client->request({BlockId{8}, kGeneration, 0, 5}).ok());
  REQUIRE(client->request({BlockId{1}, kGeneration + 1, 0, 5}).ok());
  REQUIRE(client->request({BlockId{1}, kGeneration, 0, 5}).ok());
  CHECK(receive_all(*client).error().code == Errc::kNotFound);
  CHECK(receive_all(*client).error().code == Errc::kStale);
  CHECK(*receive_all(*client) == "hello");
  CHECK(client->usable());
}

TEST_CASE("A range beyond the block's end ends the connection") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  const auto client = open_client(node);
  CHECK(read_range(*client, BlockId{1}, 3, 3).error().code == Errc::kInvalidArgument);
  CHECK(!client->usable());
}

TEST_CASE("A replica of another length than the block's is not read") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  const auto client = open_client(node);
  REQUIRE(client->request({BlockId{1}, kGeneration, 0, 4, 5}).ok());
  CHECK(*receive_all(*client) == "hell");
  REQUIRE(client->request({BlockId{1}, kGeneration, 0, 4, 4}).ok());
  CHECK_FALSE(receive_all(*client).ok());
}

TEST_CASE("A flipped byte on disk is never handed out, and the server is told and convinced") {
  Node node;
  const std::string bytes = random_bytes(40 * kSlice);
  write_block(*open_writer({node.endpoint()}), BlockId{1}, bytes);
  write_block(*open_writer({node.endpoint()}), BlockId{2}, "other");
  node.store.flip_byte(BlockId{1}, 20 * kSlice + 3);
  const auto client = open_client(node);
  REQUIRE(client->request({BlockId{1}, kGeneration, 0, bytes.size()}).ok());
  REQUIRE(client->request({BlockId{2}, kGeneration, 0, 5}).ok());
  std::string got;
  const auto status = client->receive([&](std::span<const std::byte> part) {
    got.append(reinterpret_cast<const char*>(part.data()), part.size());
    return Status();
  });
  REQUIRE(!status.ok());
  CHECK(status.error().code == Errc::kCorrupt);
  CHECK(got == bytes.substr(0, 20 * kSlice));
  CHECK(*receive_all(*client) == "other");
  CHECK(node.events.wait_corrupt(1));
}

TEST_CASE("Of a flood of accusations only some cost the disk a read") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, random_bytes(100'000));
  node.store.flip_byte(BlockId{1}, 10);
  std::string notices;
  for (int i = 0; i < 1000; ++i) {
    append_frame(notices, FrameType::kCorruptSlice, CorruptSlice{BlockId{1}, kGeneration, 0});
  }
  std::string read;
  append_frame(read, FrameType::kReadBlock, ReadBlock{BlockId{1}, kGeneration, 0, 0});
  RawPeer peer(node.endpoint().port);
  REQUIRE(peer.send(hello_frame() + notices + read));
  REQUIRE(peer.next_frame() == FrameType::kWelcome);
  REQUIRE(peer.next_frame() == FrameType::kReadBegins);  // All notices have been taken.
  CHECK(node.events.corrupt_count() >= 16);
  CHECK(node.events.corrupt_count() <= 100);  // More than one second may have passed.
}

TEST_CASE("A false accusation has no effect") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, random_bytes(2 * kSlice));
  RawPeer peer(node.endpoint().port);
  std::string frames = hello_frame();
  append_frame(frames, FrameType::kCorruptSlice, CorruptSlice{BlockId{1}, kGeneration, 1});
  append_frame(frames, FrameType::kCorruptSlice, CorruptSlice{BlockId{1}, kGeneration, 900});
  append_frame(frames, FrameType::kCorruptSlice, CorruptSlice{BlockId{77}, kGeneration, 0});
  append_frame(frames, FrameType::kReadBlock, ReadBlock{BlockId{1}, kGeneration, 0, 1});
  REQUIRE(peer.send(frames));
  CHECK(peer.next_frame() == FrameType::kWelcome);
  CHECK(peer.next_frame() == FrameType::kReadBegins);
  CHECK(node.events.corrupt_count() == 0);
}

TEST_CASE("An error of the sink ends the transfer and is returned") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, random_bytes(40 * kSlice));
  const auto client = open_client(node);
  REQUIRE(client->request({BlockId{1}, kGeneration, 0, 40 * kSlice}).ok());
  const auto status = client->receive([](std::span<const std::byte>) {
    return Status(Error{Errc::kNoSpace, "the sink is full"});
  });
  REQUIRE(!status.ok());
  CHECK(status.error().code == Errc::kNoSpace);
  CHECK(!client->usable());
}

TEST_CASE("A reader that does not read is given up and others go on") {
  Node node(impatient_server());
  const std::string bytes = random_bytes(512 * kSlice);
  write_block(*open_writer({node.endpoint()}), BlockId{1}, bytes);
  RawPeer stuck(node.endpoint().port);
  std::string frames = hello_frame();
  append_frame(frames, FrameType::kReadBlock, ReadBlock{BlockId{1}, kGeneration, 0, bytes.size()});
  REQUIRE(stuck.send(frames));
  CHECK(*read_range(*open_client(node), BlockId{1}, 5, 10) == bytes.substr(5, 10));
  pollfd entry{stuck.fd(), 0, 0};  // Only the end of the connection, not its bytes.
  CHECK(::poll(&entry, 1, 20'000) == 1);
  CHECK(*read_range(*open_client(node), BlockId{1}, 5, 10) == bytes.substr(5, 10));
}

TEST_CASE("A server that stops in the middle of an answer is an error, not a wrong file") {
  SilentListener listener;
  std::thread server([&] {
    RawPeer peer = listener.accept();
    CHECK(peer.next_frame() == FrameType::kHello);
    std::string out;
    append_frame(out, FrameType::kWelcome, Welcome{});
    peer.send(out);
    CHECK(peer.next_frame() == FrameType::kReadBlock);
    out.clear();
    append_frame(out, FrameType::kReadBegins, ReadBegins{BlockId{1}, 0, 2, 2 * kSlice});
    peer.send(out + block_frames(BlockId{1}, random_bytes(2 * kSlice))[1].substr(0, 30'000));
  });
  auto client = ReplicaClient::open(listener.endpoint(), good_client());
  REQUIRE(client.ok());
  auto read = read_range(**client, BlockId{1}, 0, 2 * kSlice);
  server.join();
  REQUIRE(!read.ok());
  CHECK(!(*client)->usable());
}

TEST_CASE("A silent server is an error within the time-out") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  ConnectionOptions options{.cluster = kCluster, .progress_timeout = kImpatient};
  const auto client = open_client(node, options);
  CHECK(*read_range(*client, BlockId{1}, 0, 5) == "hello");
  SilentListener hung;
  auto other = ReplicaClient::open(hung.endpoint(), options);
  REQUIRE(!other.ok());
  CHECK(other.error().code == Errc::kTimedOut);
}

TEST_CASE("Who watches is told once that an answer stands still, with all that came in hand") {
  const bool gives_up = GENERATE(false, true);
  std::string answer;
  append_frame(answer, FrameType::kWelcome, Welcome{});
  append_frame(answer, FrameType::kReadBegins, ReadBegins{BlockId{1}, 0, 2, 2 * kSlice});
  const std::string content = random_bytes(2 * kSlice);
  storage::SliceEncoder encoder({});
  encoder.begin_block(BlockId{1}, kGeneration);
  const auto encoded = encoder.encode(std::as_bytes(std::span(content)));
  append_slices_head(answer, FrameType::kReadSlices, encoded.slices);
  answer.append(reinterpret_cast<const char*>(encoded.stored.data()), encoded.stored.size());
  // The server stands still in the middle of the second slice until it is told to go on.
  SilentListener listener;
  std::promise<void> go_on;
  std::thread server([&] {
    RawPeer peer = listener.accept();
    peer.send(answer.substr(0, answer.size() - kSlice / 2));
    go_on.get_future().wait();
    peer.send(answer.substr(answer.size() - kSlice / 2));
  });
  auto client = ReplicaClient::open(listener.endpoint(), good_client());
  REQUIRE(client.ok());
  REQUIRE((*client)->request({BlockId{1}, kGeneration, 0, 2 * kSlice}).ok());
  std::size_t bytes = 0;
  std::size_t bytes_when_told = 0;
  int told = 0;
  const StallWatch watch{milliseconds(1000), [&]() -> Status {
                           ++told;
                           bytes_when_told = bytes;
                           go_on.set_value();
                           if (gives_up) return Error{Errc::kTimedOut, "too slow"};
                           return {};
                         }};
  const auto status = (*client)->receive(
      [&](std::span<const std::byte> part) {
        bytes += part.size();
        return Status();
      },
      watch);
  server.join();
  CHECK(told == 1);
  CHECK(bytes_when_told == kSlice);
  CHECK(status.ok() != gives_up);
  CHECK((*client)->usable() != gives_up);
  if (!gives_up) CHECK(bytes == 2 * kSlice);
}

}  // namespace
}  // namespace minidfs::transfer
