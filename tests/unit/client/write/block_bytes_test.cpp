#include "client/write/block_bytes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

namespace minidfs::client {
namespace {

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251 + seed);
  return bytes;
}

std::vector<std::byte> read_back(BlockBytes& bytes, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> result(size);
  REQUIRE(bytes.read(offset, result).ok());
  return result;
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
      REQUIRE(buffer.append(piece).ok());
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
  REQUIRE(buffer.append(pattern(ReplayBuffer::kMemoryBytesMax + 1000, 1)).ok());
  buffer.clear();
  CHECK(buffer.length() == 0);
  const auto second = pattern(ReplayBuffer::kMemoryBytesMax + 10, 2);
  REQUIRE(buffer.append(second).ok());
  CHECK(read_back(buffer, 0, second.size()) == second);
}

TEST_CASE("A replay buffer without a place for its file says which place it was") {
  ReplayBuffer buffer("/no/such/directory");
  REQUIRE(buffer.append(pattern(1000, 1)).ok());
  const auto status = buffer.append(pattern(ReplayBuffer::kMemoryBytesMax, 1));
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::Contains("/no/such/directory"));
}

TEST_CASE("Bytes of a file are those of its part") {
  const auto content = pattern(10'000, 3);
  const auto file = temporary_file(content);
  FileBytes bytes(file.get(), 1000, 5000);
  CHECK(bytes.length() == 5000);
  CHECK(read_back(bytes, 10, 100) == std::vector(content.begin() + 1010, content.begin() + 1110));
}

TEST_CASE("A file that shrinks while it is read is an error that says so") {
  const auto file = temporary_file(pattern(10'000, 3));
  FileBytes bytes(file.get(), 0, 10'000);
  REQUIRE(::ftruncate(file.get(), 500) == 0);
  std::vector<std::byte> buffer(1000);
  const auto status = bytes.read(0, buffer);
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message,
             Catch::Contains("shrank") && Catch::Contains("500") && Catch::Contains("10000"));
}

}  // namespace
}  // namespace minidfs::client
