#include "client/write/block_bytes.hpp"

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

std::vector<std::byte> read_back(BlockBytes& bytes, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> buffer(size);
  const auto read = bytes.read(offset, buffer);
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

TEST_CASE("Bytes of a file are those of its part, and end with the file") {
  const auto content = pattern(10'000, 3);
  const auto file = temporary_file(content);
  FileBytes bytes(file.get(), 1000, 5000, 5000);
  CHECK(bytes.length_max() == 5000);
  CHECK(read_back(bytes, 10, 100) == std::vector(content.begin() + 1010, content.begin() + 1110));
  CHECK(read_back(bytes, 4990, 100).size() == 10);
  CHECK(read_back(bytes, 5000, 100).empty());
  REQUIRE(::ftruncate(file.get(), 1500) == 0);
  CHECK(read_back(bytes, 10, 1000).size() == 490);
}

TEST_CASE("A small file is read as it is now, and one that is too large is no small file") {
  const test::TemporaryDirectory directory;
  std::vector<std::byte> memory;
  for (const std::size_t size : {0U, 1U, 10U, 11U, 100U}) {
    const auto path = directory.write("file", std::string(size, 'x'));
    SmallFileBytes bytes(path, 10, 100, memory);
    CHECK(read_back(bytes, 0, 200).size() == size);
    CHECK(read_back(bytes, size, 200).empty());
  }
  SmallFileBytes large(directory.write("file", std::string(101, 'x')), 10, 100, memory);
  std::vector<std::byte> buffer(200);
  CHECK(large.read(0, buffer).error().code == Errc::kTooLarge);
  SmallFileBytes missing(directory.file("none"), 10, 100, memory);
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

TEST_CASE("The block of a stream ends at its limit or with the stream, and is given again") {
  for (const std::size_t size : {0U, 1U, 16U, 99U, 100U, 101U}) {
    Pieces source(size);
    ReplayBuffer replay(temporary_directory());
    StreamBytes bytes(source, replay, 100);
    std::vector<std::byte> first(16);
    REQUIRE(bytes.begin(first).ok());
    const auto expected = std::min<std::size_t>(size, 100);
    CHECK(read_back(bytes, 0, 64).size() == std::min<std::size_t>(expected, 64));
    if (expected > 64) CHECK(read_back(bytes, 64, 64).size() == expected - 64);
    CHECK(bytes.whole());
    CHECK(bytes.source_ended() == (size < 100));
    CHECK(bytes.repeatable().ok());
    CHECK(read_back(bytes, 0, 200).size() == expected);
  }
}

}  // namespace
}  // namespace minidfs::client
