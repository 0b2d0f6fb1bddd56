// Staged files in the database: parts, pages, restarts between any two parts, and what is left of a
// file that was given up.
#include "metadata/namespace_staging.hpp"

#include <set>

#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::Block;
using metadata::BlockRange;
using metadata::Change;
using metadata::CommitStaged;
using metadata::DropStaged;
using metadata::StageBlocks;
using test::blocks_of;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

constexpr ClientId kClient{3, 4};
constexpr std::uint64_t kSession = 77;
constexpr std::uint64_t kPart = 1000;

Change part(std::uint64_t number, std::uint64_t count = kPart) {
  const std::uint64_t position = number * kPart;
  return StageBlocks{{ClientId{1, 1}, number + 1, 0}, 1, kClient, kSession, position, 100, 2, 1,
                     {{BlockId{position + 1}, count}}};
}

CommitStaged commit(std::uint64_t staged, std::vector<Block> rest = {}) {
  CommitStaged change{{ClientId{1, 1}, 1000, 0}, 1, kClient, kSession, staged, {}};
  change.file.path = "/d/f";
  change.file.block_size = 100;
  change.file.replication = 2;
  change.file.compression = "none";
  change.file.blocks = std::move(rest);
  return change;
}

// Blocks 1, 2, … of a file of `count` blocks, the last one with `last_length` bytes.
std::vector<Block> expected_blocks(std::uint64_t count, std::uint64_t last_length) {
  std::vector<Block> blocks;
  for (std::uint64_t id = 1; id <= count; ++id) {
    blocks.push_back({BlockId{id}, 1, id == count ? last_length : 100});
  }
  return blocks;
}

void purge(TestNamespace& ns) {
  while (ns.run(metadata::PurgeRemoved{700}).value > 0) {
  }
}

TEST_CASE("Staged blocks are owned from the first part on, and the file is seen with its commit") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{100'000});
  ns.store().take_effects();
  CHECK(ns.run(part(0)).value == kPart);
  const auto effects = ns.store().take_effects();
  CHECK(blocks_of(effects, BlockEffect::Kind::kAdded).size() == kPart);
  CHECK(effects.stagings == std::vector<metadata::StagingEffect>{{kSession, kClient, true}});
  CHECK(must(ns.reader().blocks_between(BlockId{1}, BlockId{5}, 10)).size() == 5);
  CHECK(must(ns.reader().counters()) == NamespaceCounters{0, 1, kPart, 0});
  const auto owner = must(ns.reader().owner_of(BlockId{1}));
  CHECK(ns.reader().path_of(owner).error().code == Errc::kNotFound);
  REQUIRE(must(ns.reader().staged_files()).size() == 1);
  CHECK(must(ns.reader().staged_files())[0].client == kClient);

  CHECK(ns.run(part(1)).ok());
  CHECK(ns.store().take_effects().stagings.empty());
  CHECK(ns.run(commit(2 * kPart, {{BlockId{2001}, 1, 40}})).value == owner.value);
  const auto committed = ns.store().take_effects();
  CHECK(committed.stagings == std::vector<metadata::StagingEffect>{{kSession, kClient, false}});
  CHECK(blocks_of(committed, BlockEffect::Kind::kAdded).size() == 1);
  CHECK(must(ns.reader().path_of(owner)) == "/d/f");
  CHECK(must(ns.reader().staged_files()).empty());
  CHECK(must(ns.reader().file_blocks("/d/f")).blocks == expected_blocks(2001, 40));
  CHECK(must(ns.reader().counters()) == NamespaceCounters{1, 2, 2001, 200'040});
}

TEST_CASE("The blocks of a long file are read in pages, from any byte on") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{100'000});
  ns.run(part(0));
  ns.run(commit(kPart, {{BlockId{5000}, 1, 40}}));
  const auto page = [&](std::uint64_t offset, std::uint64_t limit) {
    return must(ns.reader().file_blocks("/d/f", offset, limit));
  };
  CHECK(page(0, 10).blocks.size() == 10);
  CHECK(page(0, 10).more);
  CHECK(page(1234, 1).blocks.at(0).id == BlockId{13});
  CHECK(page(1234, 1).offset == 1200);
  CHECK(page(0, 1001).blocks.size() == 1001);
  CHECK_FALSE(page(0, 1001).more);
  CHECK(page(100'039, 5).blocks.at(0).id == BlockId{5000});
  CHECK_FALSE(page(100'039, 5).more);
  CHECK(page(100'040, 5).blocks.empty());
  CHECK(page(~0ULL, 5).blocks.empty());
  std::vector<Block> all;
  for (FileBlocks at = page(0, 77);; at = page(at.offset + 100 * at.blocks.size(), 77)) {
    all.insert(all.end(), at.blocks.begin(), at.blocks.end());
    if (!at.more) break;
  }
  CHECK(all == must(ns.reader().file_blocks("/d/f")).blocks);
}

// A kill between any two parts: what was committed of the log is there, the rest is replayed, by a
// database that has seen any part of it; each part is also asked for twice.
TEST_CASE("A restart between any two parts changes nothing") {
  constexpr std::uint64_t kParts = 6;
  std::vector<std::string> log;
  log.push_back(metadata::encode_change(metadata::ReserveBlockIds{100'000}));
  for (std::uint64_t number = 0; number < kParts; ++number) {
    log.push_back(metadata::encode_change(part(number)));
    log.push_back(metadata::encode_change(part(number)));
  }
  log.push_back(metadata::encode_change(commit(kParts * kPart, {{BlockId{6001}, 1, 9}})));
  log.push_back(metadata::encode_change(commit(kParts * kPart, {{BlockId{6001}, 1, 9}})));
  for (std::size_t killed = 1; killed < log.size(); ++killed) {
    CAPTURE(killed);
    const NamespaceDirectory directory;
    TestNamespace ns(directory.file());
    // What is applied behind the last commit is lost with the process.
    const std::size_t durable = killed - killed % 2;
    for (std::size_t i = 0; i < killed; ++i) {
      ns.apply_entry(log[i]);
      if (i + 1 == durable) must(ns.store().commit_batch());
    }
    ns.reopen();
    CHECK(ns.store().applied() == durable);
    CHECK_FALSE((durable < log.size() - 2 && ns.reader().stat("/d/f").ok()));
    for (std::size_t i = durable; i < log.size(); ++i) {
      const auto reply = must(decode<metadata::ChangeReply>(ns.apply_entry(log[i]), "reply"));
      CHECK(reply.outcomes.at(0).ok());
    }
    must(ns.store().commit_batch());
    CHECK(must(ns.reader().file_blocks("/d/f")).blocks == expected_blocks(6001, 9));
    CHECK(must(ns.reader().counters()) == NamespaceCounters{1, 2, 6001, 600'009});
  }
}

TEST_CASE("A restart between any two parts of a file that is given up leaks nothing") {
  for (std::uint64_t killed = 0; killed < 4; ++killed) {
    CAPTURE(killed);
    const NamespaceDirectory directory;
    TestNamespace ns(directory.file());
    ns.run(metadata::ReserveBlockIds{100'000});
    std::set<std::uint64_t> owned;
    const auto follow = [&] {
      for (const auto& effect : ns.store().take_effects().blocks) {
        if (effect.kind == BlockEffect::Kind::kAdded) owned.insert(effect.block.id.value);
        if (effect.kind == BlockEffect::Kind::kFreed) owned.erase(effect.block.id.value);
      }
    };
    for (std::uint64_t number = 0; number < 4; ++number) {
      CHECK(ns.run(part(number)).ok());
      follow();
      if (number == killed) ns.reopen();
    }
    CHECK(ns.run(DropStaged{kSession}).value == 4 * kPart);
    follow();
    CHECK(must(ns.reader().staged_files()).empty());
    ns.reopen();
    purge(ns);
    follow();
    CHECK(owned.empty());
    CHECK(must(ns.reader().counters()) == NamespaceCounters{0, 1, 0, 0});
    CHECK(must(ns.reader().blocks_between(BlockId{1}, BlockId{~0ULL}, 1)).empty());
    CHECK(ns.run(part(4)).code == static_cast<std::uint8_t>(Errc::kExpired));
  }
}

}  // namespace
}  // namespace minidfs::storage
