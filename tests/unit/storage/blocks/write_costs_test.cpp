#include "storage/blocks/write_costs.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace minidfs::storage::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

std::chrono::microseconds per_mib(int microseconds) {
  return std::chrono::microseconds(microseconds);
}

// How many of the next `files` go past the page cache.
std::ptrdiff_t direct_of(WriteCosts& costs, int files, Readers readers = Readers::kElsewhere) {
  std::ptrdiff_t count = 0;
  for (int i = 0; i < files; ++i) count += costs.choose(readers) == WriteWay::kDirect ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("both ways of writing are tried first") {
  WriteCosts costs;
  CHECK(costs.choose(Readers::kElsewhere) == WriteWay::kCached);
  costs.note(WriteWay::kCached, kMiB, per_mib(200));
  CHECK(costs.choose(Readers::kElsewhere) == WriteWay::kDirect);
  costs.note(WriteWay::kDirect, kMiB, per_mib(200));
  CHECK(costs.choose(Readers::kElsewhere) == WriteWay::kCached);
}

TEST_CASE("large replicas go past the page cache while its pages are dear") {
  WriteCosts costs;
  costs.note(WriteWay::kCached, kMiB, per_mib(250));
  costs.note(WriteWay::kDirect, kMiB, per_mib(200));
  CHECK(direct_of(costs, 160) == 10);  // One of sixteen is a trial.

  for (int i = 0; i < 64; ++i) costs.note(WriteWay::kCached, 2 * kMiB, per_mib(2 * 2200));
  CHECK(direct_of(costs, 160) == 150);

  // The host has given the memory back.
  for (int i = 0; i < 64; ++i) costs.note(WriteWay::kCached, 2 * kMiB, per_mib(2 * 250));
  CHECK(direct_of(costs, 160) == 10);
}

TEST_CASE(
    "where readers will look for it a replica leaves the page cache only when that is very dear") {
  WriteCosts costs;
  costs.note(WriteWay::kCached, kMiB, per_mib(1000));
  CHECK(direct_of(costs, 32, Readers::kHere) == 0);  // Nor is it tried there.
  costs.note(WriteWay::kDirect, kMiB, per_mib(200));
  CHECK(direct_of(costs, 32, Readers::kHere) == 0);
  CHECK(direct_of(costs, 32) == 30);
  for (int i = 0; i < 64; ++i) costs.note(WriteWay::kCached, kMiB, per_mib(2200));
  CHECK(direct_of(costs, 32, Readers::kHere) == 30);
}

TEST_CASE("a few costly writes are no reason to leave the page cache") {
  WriteCosts costs;
  for (int i = 0; i < 64; ++i) {
    costs.note(WriteWay::kCached, kMiB, per_mib(250));
    costs.note(WriteWay::kDirect, kMiB, per_mib(200));
  }
  costs.note(WriteWay::kCached, kMiB, per_mib(5000));
  CHECK(direct_of(costs, 15) == 0);
}

}  // namespace minidfs::storage::test
