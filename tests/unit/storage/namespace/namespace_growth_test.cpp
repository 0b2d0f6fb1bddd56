// Files that grow, in the database: which block holds a byte, what is left when they go, and what
// others learn of them.
#include "metadata/namespace_growth.hpp"

#include "storage/sqlite.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::AppendBlocks;
using metadata::Block;
using metadata::ConcatFiles;
using test::blocks_of;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

Block block(std::uint64_t id, std::uint64_t length = 100) { return {BlockId{id}, 1, length}; }

struct Growth {
  NamespaceDirectory directory;
  TestNamespace ns{directory.file()};

  Growth() { ns.run(metadata::ReserveBlockIds{100'000}); }

  metadata::Outcome append(const std::string& path, std::vector<Block> blocks) {
    const auto status = must(ns.reader().stat(path));
    return ns.run(AppendBlocks{{}, 20, path, status.id, status.length, std::move(blocks)});
  }
  metadata::Outcome concat(std::string target, std::vector<std::string> sources) {
    return ns.run(ConcatFiles{{}, 20, std::move(target), std::move(sources)});
  }
  std::int64_t runs() {
    Database database = must(Database::open(directory.file(), Database::Mode::kReadOnly));
    return must(database.integer("SELECT count(*) FROM run"));
  }
  // Every byte is found in the block that holds it.
  void check_places(const std::string& path, const std::vector<Block>& blocks) {
    CHECK(must(ns.reader().file_blocks(path)).blocks == blocks);
    std::uint64_t offset = 0;
    for (const Block& each : blocks) {
      for (std::uint64_t byte = offset; byte < offset + each.length; ++byte) {
        CAPTURE(path, byte);
        const auto found = must(ns.reader().file_blocks(path, byte, 1));
        CHECK(found.offset == offset);
        REQUIRE(found.blocks == std::vector{each});
      }
      offset += each.length;
    }
    CHECK(must(ns.reader().stat(path)).length == offset);
    CHECK(must(ns.reader().file_blocks(path, offset, 1)).blocks.empty());
  }
};

TEST_CASE("The block that holds a byte is found behind blocks that are not full") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/f", {block(1), block(2, 30)}));
  CHECK(growth.append("/f", {block(3, 1)}).ok());
  CHECK(growth.append("/f", {block(4), block(5), block(6, 99)}).ok());
  CHECK(growth.append("/f", {block(7)}).ok());
  CHECK(growth.append("/f", {block(8), block(9, 5)}).ok());
  const std::vector<Block> blocks{block(1),     block(2, 30), block(3, 1), block(4),   block(5),
                                  block(6, 99), block(7),     block(8),    block(9, 5)};
  growth.check_places("/f", blocks);
  growth.ns.reopen();
  growth.check_places("/f", blocks);
  CHECK(growth.runs() == 3);
  CHECK(must(growth.ns.reader().counters()) == NamespaceCounters{1, 1, 9, 635});
}

TEST_CASE("A file whose last block is full grows without a further run") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/f", {block(1)}));
  growth.ns.run(TestNamespace::create("/empty"));
  CHECK(growth.append("/f", {block(2), block(3, 7)}).ok());
  CHECK(growth.append("/empty", {block(4), block(5, 7)}).ok());
  CHECK(growth.runs() == 0);
  growth.check_places("/f", {block(1), block(2), block(3, 7)});
  growth.check_places("/empty", {block(4), block(5, 7)});
}

TEST_CASE("What an append adds is told to the block map, with the file's wanted copies") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/f", {block(1, 30)}));
  growth.ns.run(metadata::SetReplication{{}, 1, "/f", 2});
  growth.ns.store().take_effects();
  CHECK(growth.append("/f", {block(2, 7)}).ok());
  const auto effects = growth.ns.store().take_effects();
  CHECK(effects.blocks.size() == 1);
  CHECK(blocks_of(effects, BlockEffect::Kind::kAdded) ==
        std::vector<OwnedBlock>{{BlockId{2}, 1, 7, 2}});
}

TEST_CASE("A concat moves blocks, runs and wanted copies, and frees nothing") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/t", {block(1)}));
  growth.ns.run(TestNamespace::create("/a", {block(2, 20)}));
  growth.append("/a", {block(3), block(4, 3)});
  auto small = TestNamespace::create("/b", {block(5, 50), block(6, 50)});
  std::get<metadata::CommitFiles>(small).files[0].block_size = 50;
  growth.ns.run(small);
  growth.ns.run(TestNamespace::create("/c", {block(7), block(8, 1)}));
  growth.ns.run(metadata::SetReplication{{}, 1, "/b", 1});
  growth.ns.store().take_effects();
  CHECK(growth.concat("/t", {"/a", "/b", "/c"}).ok());
  const auto effects = growth.ns.store().take_effects();
  CHECK(blocks_of(effects, BlockEffect::Kind::kRetargeted) ==
        std::vector<OwnedBlock>{{BlockId{5}, 1, 50, 3}, {BlockId{6}, 1, 50, 3}});
  CHECK(effects.blocks.size() == 2);
  const std::vector<Block> blocks{block(1),     block(2, 20), block(3), block(4, 3),
                                  block(5, 50), block(6, 50), block(7), block(8, 1)};
  growth.check_places("/t", blocks);
  growth.ns.reopen();
  growth.check_places("/t", blocks);
  CHECK(growth.append("/t", {block(9, 99)}).ok());
  growth.check_places("/t", {block(1), block(2, 20), block(3), block(4, 3), block(5, 50),
                             block(6, 50), block(7), block(8, 1), block(9, 99)});
  CHECK(must(growth.ns.reader().counters()) == NamespaceCounters{1, 1, 9, 523});
  CHECK(must(growth.ns.reader().owner_of(BlockId{5})) == must(growth.ns.reader().stat("/t")).id);
  CHECK(growth.ns.reader().stat("/a").error().code == Errc::kNotFound);
}

TEST_CASE("A block longer than those of the run before it begins another one") {
  Growth growth;
  auto small = TestNamespace::create("/s", {block(1, 50), block(2, 50)});
  std::get<metadata::CommitFiles>(small).files[0].block_size = 50;
  growth.ns.run(small);
  growth.ns.run(TestNamespace::create("/t"));
  CHECK(growth.concat("/t", {"/s"}).ok());
  CHECK(growth.append("/t", {block(3, 80), block(4, 100)}).ok());
  growth.check_places("/t", {block(1, 50), block(2, 50), block(3, 80), block(4)});
}

TEST_CASE("Nothing is left of a file that has grown, when it goes in one entry or in many") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/short", {block(1, 5)}));
  growth.append("/short", {block(2, 5), block(3, 5)});
  growth.ns.run(TestNamespace::create("/d/long", {block(4, 5)}));
  std::vector<Block> many;
  for (std::uint64_t id = 10; id < 3010; ++id) many.push_back(block(id, 1 + id % 7));
  CHECK(growth.append("/d/long", many).ok());
  CHECK(growth.runs() > 2000);
  growth.ns.run(TestNamespace::remove("/short"));
  growth.ns.run(TestNamespace::remove("/d/long"));
  growth.ns.reopen();
  while (growth.ns.run(metadata::PurgeRemoved{700}).value > 0) {
  }
  CHECK(growth.runs() == 0);
  CHECK(must(growth.ns.reader().counters()) == NamespaceCounters{0, 2, 0, 0});
}

TEST_CASE("A file below a removed directory is not found by its inode") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/d/e/f", {block(1, 5)}));
  const auto status = must(growth.ns.reader().stat("/d/e/f"));
  for (const bool reopened : {false, true}) {
    if (reopened) growth.ns.run(TestNamespace::remove("/d"));
    if (reopened) growth.ns.reopen();
    const auto outcome =
        growth.ns.run(AppendBlocks{{}, 20, "/d/e/f", status.id, 5, {block(reopened ? 3 : 2, 5)}});
    CAPTURE(outcome.message);
    CHECK(outcome.ok() == !reopened);
    if (!reopened) growth.ns.run(AppendBlocks{{}, 20, "/d/e/f", status.id, 10, {}});
  }
}

// The listing is kept until something in it changes.
TEST_CASE("A listing tells of growth and of other owners") {
  Growth growth;
  growth.ns.run(TestNamespace::create("/d/f", {block(1, 5)}));
  CHECK(growth.ns.list("/d", 10).at(0).length == 5);
  growth.append("/d/f", {block(2, 5)});
  CHECK(growth.ns.list("/d", 10).at(0).length == 10);
  growth.ns.run(metadata::SetOwner{{}, 1, {{"/d/f", "carol", "crew"}}});
  CHECK(growth.ns.list("/d", 10).at(0).owner == "carol");
  CHECK(growth.ns.list("/d", 10).at(0).group == "crew");
  growth.ns.run(metadata::SetOwner{{}, 1, {{"/d", "", "dirs"}}});
  CHECK(growth.ns.list("/", 10).at(0).group == "dirs");
  // Of the directory's group are the files that name none, from now on.
  auto file = TestNamespace::create("/d/g");
  std::get<metadata::CommitFiles>(file).files[0].group.clear();
  growth.ns.run(file);
  CHECK(must(growth.ns.reader().stat("/d/g")).group == "dirs");
}

}  // namespace
}  // namespace minidfs::storage
