#include "metadata/namespace_staging.hpp"

#include <catch2/catch.hpp>

#include "metadata/namespace_rules.hpp"
#include "unit/metadata/memory_table.hpp"

namespace minidfs::metadata {
namespace {

constexpr ClientId kClient{3, 4};
constexpr std::uint64_t kSession = 77;

// A table with block ids 1 to 99,999 given out, and changes with defaults for what a test does not
// set.
struct Staging {
  test::MemoryTable table;

  Staging() { apply(ReserveBlockIds{99'999}); }

  Outcome apply(const Change& change) {
    const auto reply = apply_change(table, change);
    REQUIRE(reply.ok());
    CHECK(reply->outcomes[0].ok() == reply->outcomes[0].message.empty());
    return reply->outcomes[0];
  }
  static StageBlocks part(std::uint64_t position, std::vector<BlockRange> blocks) {
    return {{}, 1, kClient, kSession, position, 100, 2, 1, std::move(blocks)};
  }
  static CommitStaged commit(std::uint64_t staged, std::vector<Block> rest = {}) {
    CommitStaged change{{}, 1, kClient, kSession, staged, {}};
    change.file.path = "/f";
    change.file.block_size = 100;
    change.file.replication = 2;
    change.file.compression = "none";
    change.file.blocks = std::move(rest);
    return change;
  }
  bool visible() const { return table.tree().count("/f") != 0; }
};

BlockRange run(std::uint64_t first, std::uint64_t count) { return {BlockId{first}, count}; }

void check(const Outcome& outcome, Errc code) {
  INFO(outcome.message);
  CHECK(outcome.code == static_cast<std::uint8_t>(code));
}

TEST_CASE("Parts are put together unseen, and one commit shows the whole file") {
  Staging ns;
  CHECK(ns.apply(Staging::part(0, {run(10, 3), run(20, 2)})).value == 5);
  CHECK(ns.apply(Staging::part(5, {run(1, 1)})).value == 6);
  CHECK_FALSE(ns.visible());
  CHECK(ns.apply(Staging::commit(6, {{BlockId{50}, 1, 7}})).ok());
  const auto file = ns.table.tree().at("/f");
  CHECK(file.status.length == 607);
  CHECK(file.status.replication == 2);
  std::vector<std::uint64_t> ids;
  for (const Block& block : file.blocks) ids.push_back(block.id.value);
  CHECK(ids == std::vector<std::uint64_t>{10, 11, 12, 20, 21, 1, 50});
  CHECK(file.blocks[0] == Block{BlockId{10}, 1, 100});
  // The session may write another file.
  check(ns.apply(Staging::commit(6)), Errc::kExpired);
  CHECK(ns.apply(Staging::part(0, {run(100, 1)})).ok());
}

TEST_CASE("A staged file may have times of its own") {
  Staging ns;
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  const CommitStaged plain = Staging::commit(3);
  CommitDated dated{{}, 5, kClient, kSession, 3, {plain.file, plain.file}, {{70, 80}, {}}};
  check(ns.apply(dated), Errc::kInvalidArgument);
  CHECK_FALSE(ns.visible());
  dated.files.pop_back();
  dated.times.pop_back();
  CHECK(ns.apply(dated).ok());
  CHECK(ns.table.tree().at("/f").status.length == 300);
  CHECK(ns.table.tree().at("/f").status.modified_ms == 70);
  CHECK(ns.table.tree().at("/f").status.accessed_ms == 80);
}

TEST_CASE("A file may end with a whole staged block") {
  Staging ns;
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  CHECK(ns.apply(Staging::commit(3)).ok());
  CHECK(ns.table.tree().at("/f").status.length == 300);
}

TEST_CASE("A part that does not follow what is staged changes nothing") {
  Staging ns;
  check(ns.apply(Staging::part(4, {run(10, 1)})), Errc::kExpired);
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  check(ns.apply(Staging::part(2, {run(20, 1)})), Errc::kStale);
  check(ns.apply(Staging::part(4, {run(20, 1)})), Errc::kStale);
  auto part = Staging::part(3, {run(20, 1)});
  part.client = {9, 9};
  check(ns.apply(part), Errc::kPermissionDenied);
  part = Staging::part(3, {run(20, 1)});
  part.block_size = 200;
  check(ns.apply(part), Errc::kInvalidArgument);
  part.block_size = 100;
  part.replication = 3;
  check(ns.apply(part), Errc::kInvalidArgument);
  CHECK(ns.apply(Staging::part(3, {run(20, 1)})).value == 4);
}

TEST_CASE("Only blocks that were granted, are free and are not given up can be staged") {
  Staging ns;
  ns.apply(RetireBlockIds{{run(30, 2)}});
  check(ns.apply(Staging::part(0, {run(99'999, 2)})), Errc::kInvalidArgument);
  check(ns.apply(Staging::part(0, {run(0, 2)})), Errc::kInvalidArgument);
  check(ns.apply(Staging::part(0, {run(5, 0)})), Errc::kInvalidArgument);
  check(ns.apply(Staging::part(0, {run(5, ~0ULL)})), Errc::kInvalidArgument);
  check(ns.apply(Staging::part(0, {run(10, 3), run(12, 1)})), Errc::kInvalidArgument);
  check(ns.apply(Staging::part(0, {run(28, 3)})), Errc::kExpired);
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  check(ns.apply(Staging::part(3, {run(9, 2)})), Errc::kAlreadyExists);
  // They are the staged file's, so nothing gives them up.
  CHECK(ns.apply(RetireBlockIds{{run(9, 5)}}).value == 2);
  CHECK(ns.apply(Staging::commit(3)).ok());
}

TEST_CASE("Runs of blocks lie within one mark") {
  Staging ns;
  ns.apply(BeginLeadership{1, {}, 1, 7});
  ns.apply(BeginLeadership{1, {}, 2, 8});
  const std::uint64_t last = first_of(8).value - 2;
  check(ns.apply(Staging::part(0, {run(last, 4)})), Errc::kInvalidArgument);
  CHECK(ns.apply(Staging::part(0, {run(last, 1), run(first_of(8).value, 3)})).ok());
}

TEST_CASE("Absurd parts are refused") {
  Staging ns;
  const auto refused = [&](auto change) {
    auto part = Staging::part(0, {run(10, 3)});
    change(part);
    check(ns.apply(part), Errc::kInvalidArgument);
  };
  refused([](StageBlocks& part) { part.session = 0; });
  refused([](StageBlocks& part) { part.client = {}; });
  refused([](StageBlocks& part) { part.block_size = 0; });
  refused([](StageBlocks& part) { part.block_size = kBlockLengthMax + 1; });
  refused([](StageBlocks& part) { part.replication = 0; });
  refused([](StageBlocks& part) { part.generation = 0; });
  refused([](StageBlocks& part) { part.generation = kGenerationMax + 1; });
  refused([](StageBlocks& part) { part.blocks.clear(); });
  refused([](StageBlocks& part) { part.blocks = {run(1, kStagedAtOnceMax + 1)}; });
  refused([](StageBlocks& part) { part.position = kFileLengthMax / 100 - 2; });
  CHECK(ns.apply(Staging::part(0, {run(1, kStagedAtOnceMax)})).ok());
}

TEST_CASE("A commit names exactly what is staged") {
  Staging ns;
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  check(ns.apply(Staging::commit(2)), Errc::kInvalidArgument);
  check(ns.apply(Staging::commit(4)), Errc::kInvalidArgument);
  auto commit = Staging::commit(3);
  commit.client = {9, 9};
  check(ns.apply(commit), Errc::kPermissionDenied);
  commit = Staging::commit(3);
  commit.file.replication = 1;
  check(ns.apply(commit), Errc::kInvalidArgument);
  commit = Staging::commit(3);
  commit.file.block_size = 50;
  check(ns.apply(commit), Errc::kInvalidArgument);
  check(ns.apply(Staging::commit(3, {{BlockId{11}, 1, 7}})), Errc::kAlreadyExists);
  // What stands at the path is not touched, and the staged file stays.
  CHECK(ns.apply(MakeDirectory{{}, 1, "/f", false, 0755, "ann", ""}).ok());
  check(ns.apply(Staging::commit(3)), Errc::kIsADirectory);
  CHECK(ns.apply(Remove{{}, 1, "/f", false}).ok());
  CHECK(ns.apply(Staging::commit(3)).ok());
}

TEST_CASE("A staged file replaces an older one as a whole") {
  Staging ns;
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  CHECK(ns.apply(Staging::commit(3)).ok());
  CHECK(ns.apply(Staging::part(0, {run(20, 2)})).ok());
  check(ns.apply(Staging::commit(2)), Errc::kAlreadyExists);
  auto commit = Staging::commit(2);
  commit.file.overwrite = true;
  CHECK(ns.apply(commit).ok());
  CHECK(ns.table.tree().at("/f").status.length == 200);
}

TEST_CASE("What is dropped is gone, and can neither be continued nor committed") {
  Staging ns;
  CHECK(ns.apply(DropStaged{kSession}).value == 0);
  CHECK(ns.apply(Staging::part(0, {run(10, 3)})).ok());
  CHECK(ns.apply(DropStaged{kSession}).value == 3);
  check(ns.apply(Staging::part(3, {run(20, 1)})), Errc::kExpired);
  check(ns.apply(Staging::commit(3)), Errc::kExpired);
  CHECK_FALSE(ns.visible());
  // Its blocks can be retired now.
  CHECK(ns.apply(RetireBlockIds{{run(10, 3)}}).value == 3);
  CHECK(ns.apply(DropStaged{kSession}).ok());
}

}  // namespace
}  // namespace minidfs::metadata
