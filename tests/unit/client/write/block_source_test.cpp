#include "client/write/block_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "support/temporary_directory.hpp"

namespace minidfs::client {
namespace {

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251 + seed);
  return bytes;
}

std::vector<std::byte> read_back(ReplayBuffer& bytes, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> result(size);
  REQUIRE(bytes.read(offset, result).ok());
  return result;
}

std::vector<std::byte> read_back(BlockSource& source, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> buffer(size);
  const auto read = source.read(offset, buffer);
  REQUIRE(read.ok());
  return {read->begin(), read->end()};
}

UniqueFd temporary_file(std::span<const std::byte> content) {
  auto file = open_file(temporary_directory(), O_TMPFILE | O_RDWR, 0600);
  REQUIRE(file.ok());
  REQUIRE(write_at(file->get(), content, 0, "test").ok());
  return std::move(*file);
}

TEST_CASE("A replay buffer gives back what was put in, in memory and beyond") {
  constexpr auto kLimit = ReplayBuffer::kMemoryBytesMax;
  for (const auto size :
       {std::size_t{0}, std::size_t{1}, kLimit - 1, kLimit, kLimit + 1, kLimit + 700'001}) {
    const auto content = pattern(size, 1);
    ReplayBuffer buffer(temporary_directory());
    for (std::size_t i = 0; i < size; i += 300'007) {
      const auto piece = std::span(content).subspan(i, std::min<std::size_t>(300'007, size - i));
      buffer.append(piece);
    }
    CHECK(buffer.length() == size);
    CHECK(read_back(buffer, 0, size) == content);
    if (size > kLimit) {
      CHECK(read_back(buffer, kLimit - 1, 2) ==
            std::vector(content.begin() + kLimit - 1, content.begin() + kLimit + 1));
    }
  }
}

TEST_CASE("A replay buffer that was cleared holds only what came after") {
  ReplayBuffer buffer(temporary_directory());
  buffer.append(pattern(ReplayBuffer::kMemoryBytesMax + 1000, 1));
  buffer.clear();
  CHECK(buffer.length() == 0);
  const auto second = pattern(ReplayBuffer::kMemoryBytesMax + 10, 2);
  buffer.append(second);
  CHECK(read_back(buffer, 0, second.size()) == second);
}

TEST_CASE(
    "A replay buffer without a place for its file keeps what it can and says what it cannot") {
  ReplayBuffer buffer("/no/such/directory");
  const auto head = pattern(1000, 1);
  buffer.append(head);
  CHECK(buffer.kept().ok());
  buffer.append(pattern(ReplayBuffer::kMemoryBytesMax, 1));
  CHECK(buffer.length() == 1000 + ReplayBuffer::kMemoryBytesMax);
  REQUIRE_FALSE(buffer.kept().ok());
  CHECK_THAT(buffer.kept().error().message, Catch::Contains("/no/such/directory"));
  CHECK(read_back(buffer, 0, 1000) == head);
  std::vector<std::byte> all(buffer.length());
  CHECK_FALSE(buffer.read(0, all).ok());
  buffer.clear();
  CHECK(buffer.kept().ok());
}

TEST_CASE("A file is cut at its block size, and its blocks end with the file") {
  const auto content = pattern(10'000, 3);
  const auto file = temporary_file(content);
  std::vector<std::byte> buffer(16);
  FileCutter cutter(file.get(), content.size(), 4000);
  CHECK(cutter.expected() == 3);
  const auto cut = [&](std::uint64_t index) {
    auto block = cutter.cut(index, buffer);
    REQUIRE(block.ok());
    return std::move(*block);
  };
  const auto block = cut(1);
  CHECK(block->length_max() == 4000);
  CHECK(read_back(*block, 10, 100) == std::vector(content.begin() + 4010, content.begin() + 4110));
  CHECK(read_back(*block, 3990, 100).size() == 10);
  CHECK(read_back(*block, 4000, 100).empty());
  CHECK(cut(2)->length_max() == 2000);
  // One that the file had not when it was looked at.
  CHECK_FALSE(cut(3));
  REQUIRE(::ftruncate(file.get(), 12'001) == 0);
  REQUIRE(cut(3));
  CHECK(read_back(*cut(2), 0, 5000).size() == 4000);
  CHECK(read_back(*cut(3), 0, 100).size() == 1);
  REQUIRE(::ftruncate(file.get(), 4500) == 0);
  CHECK(read_back(*block, 10, 1000).size() == 490);
}

TEST_CASE("A small file is read as it is now, and one that is too large is no small file") {
  const test::TemporaryDirectory directory;
  std::vector<std::byte> memory;
  for (const std::size_t size : {0U, 1U, 10U, 11U, 100U}) {
    const auto path = directory.write("file", std::string(size, 'x'));
    SmallFileSource source(path, 10, 100, memory);
    CHECK(read_back(source, 0, 200).size() == size);
    CHECK(read_back(source, size, 200).empty());
    // A datanode takes no more of a small block than was announced.
    CHECK(source.length_max() == std::max<std::size_t>(size, 10));
  }
  SmallFileSource large(directory.write("file", std::string(101, 'x')), 10, 100, memory);
  std::vector<std::byte> buffer(200);
  CHECK(large.read(0, buffer).error().code == Errc::kTooLarge);
  SmallFileSource missing(directory.file("none"), 10, 100, memory);
  CHECK_FALSE(missing.read(0, buffer).ok());
}

// Gives a text in pieces of three bytes.
class Pieces final : public Source {
 public:
  explicit Pieces(std::size_t size) : left_(size) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min({std::size_t{3}, left_, buffer.size()});
    std::fill_n(buffer.begin(), count, std::byte{'p'});
    left_ -= count;
    return count;
  }

 private:
  std::size_t left_;
};

TEST_CASE("A stream is cut at its block size, and each block is given again") {
  for (const std::size_t size : {0U, 1U, 16U, 99U, 100U, 101U, 200U, 250U}) {
    CAPTURE(size);
    Pieces source(size);
    StreamCutter cutter(source, 100);
    std::vector<std::byte> first(16);
    std::vector<std::unique_ptr<BlockSource>> blocks;
    for (std::size_t begin = 0;; begin += 100) {
      auto cut = cutter.cut(blocks.size(), first);
      REQUIRE(cut.ok());
      if (!*cut) break;
      REQUIRE(begin < size);
      const auto expected = std::min<std::size_t>(size - begin, 100);
      auto& block = **cut;
      CHECK(read_back(block, 0, 64).size() == std::min<std::size_t>(expected, 64));
      if (expected > 64) CHECK(read_back(block, 64, 64).size() == expected - 64);
      CHECK(block.whole());
      CHECK(block.length_max() == expected);
      CHECK(block.repeatable().ok());
      CHECK(read_back(block, 0, 200).size() == expected);
      blocks.push_back(std::move(*cut));
    }
    CHECK(blocks.size() == (size + 99) / 100);
    CHECK(cutter.expected() == 1);
    for (const auto& block : blocks) CHECK_FALSE(read_back(*block, 0, 1).empty());
  }
}

TEST_CASE("What is only kept of a stream's block is read afterwards") {
  Pieces source(250);
  StreamCutter cutter(source, 200);
  std::vector<std::byte> buffer(16);
  auto cut = cutter.cut(0, buffer);
  REQUIRE(cut.ok());
  auto& block = **cut;
  CHECK(cutter.expected() == UINT64_MAX);
  while (!block.whole()) REQUIRE(block.keep_next(buffer).ok());
  CHECK(block.length_max() == 200);
  CHECK(read_back(block, 0, 300).size() == 200);
}

}  // namespace
}  // namespace minidfs::client
