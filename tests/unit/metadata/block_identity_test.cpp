#include "metadata/block_identity.hpp"

#include <catch2/catch.hpp>

#include "metadata/epoch.hpp"

namespace minidfs::metadata {
namespace {

TEST_CASE("A block id holds its mark and its count") {
  const BlockId last{first_of(0xDEADBEEF).value + kBlockCountMax - 1};
  CHECK(mark_of(last) == 0xDEADBEEF);
  CHECK(count_of(last) == kBlockCountMax);
  CHECK(last < first_of(0xDEADBEEF + 1U));
  CHECK(mark_of(BlockId{70'000}) == 0);
  CHECK(mark_of(BlockId{kBlockCountMax}) == 0);
}

TEST_CASE("Leaderships are compared only within one life") {
  const Epoch first{LifeId{1, 1}, 3};
  CHECK(Epoch{LifeId{1, 1}, 4}.follows(first));
  CHECK_FALSE(first.follows(first));
  CHECK_FALSE(Epoch{LifeId{1, 1}, 2}.follows(first));
  CHECK_FALSE(Epoch{LifeId{1, 2}, 9}.follows(first));
}

}  // namespace
}  // namespace minidfs::metadata
