// Whole blocks through healthy nodes.
#include "unit/transfer/fixture.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::size_t kSlice = storage::kSliceBytes;

TEST_CASE("A block of any size reads back from every node of a pipeline of three") {
  const auto nodes = make_nodes(3);
  const auto writer = open_writer(endpoints_of(nodes));
  const std::size_t packet = 8 * kSlice;
  std::uint64_t next = 1;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kSlice - 1, kSlice, kSlice + 1, packet - 1, packet,
        packet + 1, 16 * kSlice, 16 * kSlice + 1, 100 * kSlice + 17}) {
    const BlockId block{next++};
    const std::string bytes = random_bytes(size, static_cast<unsigned>(next));
    const BlockAck ack = write_block(*writer, block, bytes);
    CHECK(ack.stored == std::vector<bool>{true, true, true});
    CHECK(ack.stored_bytes == size);
    for (const auto& node : nodes) {
      auto read = read_range(*open_client(*node), block, 0, size);
      REQUIRE(read.ok());
      CHECK(*read == bytes);
    }
  }
}

TEST_CASE("Every server hears of each replica that it has stored") {
  const auto nodes = make_nodes(2);
  const auto writer = open_writer(endpoints_of(nodes));
  write_block(*writer, BlockId{5}, random_bytes(1000));
  for (const auto& node : nodes) CHECK(node->events.wait_stored(1));
}

TEST_CASE("Compressed slices travel and are stored in their small form") {
  const auto nodes = make_nodes(2);
  const auto writer = open_writer(endpoints_of(nodes));
  std::string bytes(3 * kSlice + 5, 'x');
  bytes += random_bytes(2 * kSlice);  // A part that does not shrink.
  const BlockAck ack = write_block(*writer, BlockId{1}, bytes, "zstd");
  CHECK(ack.stored == std::vector<bool>{true, true});
  CHECK(ack.stored_bytes < bytes.size() - 2 * kSlice);
  for (const auto& node : nodes) {
    auto read = read_range(*open_client(*node), BlockId{1}, 0, bytes.size());
    REQUIRE(read.ok());
    CHECK(*read == bytes);
  }
}

TEST_CASE("Many small blocks go back to back and are acknowledged in their order") {
  const auto nodes = make_nodes(3);
  const auto writer = open_writer(endpoints_of(nodes));
  const std::uint64_t count = 2000;  // Well above what a node keeps without an ack.
  for (std::uint64_t i = 1; i <= count; ++i) {
    REQUIRE(send_block(*writer, BlockId{i}, random_bytes(i % 5000, 7)).ok());
  }
  CHECK(writer->unacknowledged() == count);
  for (std::uint64_t i = 1; i <= count; ++i) {
    auto ack = writer->wait_ack();
    REQUIRE(ack.ok());
    REQUIRE(ack->block == BlockId{i});
    REQUIRE(ack->stored == std::vector<bool>{true, true, true});
  }
  for (const auto& node : nodes) CHECK(node->store.count() == count);

  const auto client = open_client(*nodes[1]);
  for (std::uint64_t i = 1; i <= count; ++i) {
    REQUIRE(client->request({BlockId{i}, kGeneration, 0, i % 5000}).ok());
  }
  for (std::uint64_t i = 1; i <= count; ++i) {
    auto read = receive_all(*client);
    REQUIRE(read.ok());
    REQUIRE(*read == random_bytes(i % 5000, 7));
  }
}

TEST_CASE("Any range of a block reads as the same range of its bytes") {
  Node node;
  const auto writer = open_writer({node.endpoint()});
  const std::string bytes = random_bytes(40 * kSlice + 100);
  const char* compression = GENERATE("none", "zstd");
  write_block(*writer, BlockId{1}, compression[0] == 'n' ? bytes : std::string(bytes.size(), 'a'),
              compression);
  const std::string expected = compression[0] == 'n' ? bytes : std::string(bytes.size(), 'a');
  const auto client = open_client(node);
  std::mt19937_64 random(11);
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t offset = random() % (bytes.size() + 1);
    const std::uint64_t length = random() % (bytes.size() - offset + 1);
    auto read = read_range(*client, BlockId{1}, offset, length);
    REQUIRE(read.ok());
    REQUIRE(*read == expected.substr(offset, length));
  }
  CHECK(*read_range(*client, BlockId{1}, bytes.size(), 0) == "");
  CHECK(*read_range(*client, BlockId{1}, kSlice, kSlice) == expected.substr(kSlice, kSlice));
}

}  // namespace
}  // namespace minidfs::transfer
