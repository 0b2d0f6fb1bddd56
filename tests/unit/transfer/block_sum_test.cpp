// The sums of a block's bytes, and of a replica.
#include "transfer/block_sum.hpp"

#include "base/crc32c.hpp"
#include "transfer/replica_sum.hpp"
#include "unit/transfer/fixture.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::size_t kSlice = storage::kSliceBytes;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// As HDFS says it, without any of the short cuts.
BlockSum plain_sum_of(const std::string& bytes) {
  auth::Md5 md5;
  for (std::size_t at = 0; at < bytes.size(); at += kSumChunkBytes) {
    const auto sum = crc32c(bytes_of(bytes.substr(at, kSumChunkBytes)));
    for (int shift = 24; shift >= 0; shift -= 8) {
      const auto byte = static_cast<std::byte>(sum >> shift);
      md5.add(std::span(&byte, 1));
    }
  }
  return {md5.take(), crc32c(bytes_of(bytes))};
}

TEST_CASE("The sums of a block do not depend on how its bytes come") {
  const auto size = GENERATE(std::size_t{1}, 511U, 512U, 513U, 1024U, 65'536U, 100'001U);
  const auto piece = GENERATE(std::size_t{1}, 7U, 511U, 512U, 513U, 4096U, 200'000U);
  const auto bytes = random_bytes(size);
  BlockSummer summer;
  for (int block = 0; block < 2; ++block) {
    for (std::size_t at = 0; at < size; at += piece) summer.add(bytes_of(bytes.substr(at, piece)));
    CHECK(summer.take() == plain_sum_of(bytes));
  }
}

// Puts a block into the store as a writer would.
void store_block(FakeBlockStore& store, BlockId block, const std::string& bytes,
                 const char* compression) {
  auto writer = store.create(block, kGeneration, 0).value();
  storage::SliceEncoder encoder(*storage::parse_compression(compression));
  encoder.begin_block(block, kGeneration);
  for (std::size_t at = 0; at < bytes.size(); at += 1 << 20) {
    const auto part = bytes.substr(at, 1 << 20);
    const auto encoded = encoder.encode(bytes_of(part));
    REQUIRE(writer->append(encoded.slices, encoded.stored, nullptr).ok());
  }
  writer->finish([](auto) {});
}

Result<BlockSum> sum_of(FakeBlockStore& store, BlockId block, std::size_t turn) {
  MDFS_TRY(auto replica, store.open_replica(block, kGeneration));
  ReplicaSum sum(std::move(replica));
  for (;;) {
    MDFS_TRY(const bool all, sum.go_on(turn));
    if (all) return sum.take();
  }
}

TEST_CASE("The sums of a replica are those of its bytes, however they are stored") {
  FakeBlockStore store(kCluster);
  const auto bytes = std::string(5 * kSlice + 700, 'z') + random_bytes(6 * kSlice + 77);
  store_block(store, BlockId{1}, bytes, GENERATE("none", "zstd"));
  const auto turn = GENERATE(std::size_t{1}, std::size_t{3} * kSlice, SIZE_MAX);
  const auto sum = sum_of(store, BlockId{1}, turn);
  REQUIRE(sum.ok());
  CHECK(*sum == plain_sum_of(bytes));
}

TEST_CASE("A replica with a wrong byte has no sums") {
  FakeBlockStore store(kCluster);
  const auto bytes = random_bytes(6 * kSlice + 77);
  store_block(store, BlockId{1}, bytes, "none");
  store.flip_byte(BlockId{1}, GENERATE(std::size_t{0}, 5 * kSlice + 3, 6 * kSlice + 76));
  const auto sum = sum_of(store, BlockId{1}, SIZE_MAX);
  REQUIRE_FALSE(sum.ok());
  CHECK(sum.error().code == Errc::kCorrupt);
}

}  // namespace
}  // namespace minidfs::transfer
