#include "metadata/namespace_growth.hpp"

#include <catch2/catch.hpp>

#include "metadata/namespace_rules.hpp"
#include "unit/metadata/memory_table.hpp"

namespace minidfs::metadata {
namespace {

// Block ids 1 to 99,999 are given out, and changes have defaults for what a test does not set.
struct Growth {
  test::MemoryTable table;
  std::int64_t time_ms = 100;

  Growth() { apply(ReserveBlockIds{99'999}); }

  Outcome apply(const Change& change) {
    const auto reply = apply_change(table, change);
    REQUIRE(reply.ok());
    const Outcome outcome = reply->outcomes.at(0);
    CHECK(outcome.ok() == outcome.message.empty());
    return outcome;
  }
  Outcome create(std::string path, std::vector<Block> blocks = {}, std::uint8_t replication = 3,
                 std::uint64_t block_size = 100) {
    CommittedFile file;
    file.path = std::move(path);
    file.overwrite = true;
    file.block_size = block_size;
    file.replication = replication;
    file.compression = "none";
    file.blocks = std::move(blocks);
    return apply(CommitFiles{{}, time_ms, {file}});
  }
  AppendBlocks append(const std::string& path, std::vector<Block> blocks) const {
    const FileStatus status = stat(path);
    return {{}, time_ms, path, status.id, status.length, std::move(blocks)};
  }
  Outcome concat(std::string target, std::vector<std::string> sources) {
    return apply(ConcatFiles{{}, time_ms, std::move(target), std::move(sources)});
  }
  FileStatus stat(const std::string& path) const { return table.tree().at(path).status; }
  std::vector<Block> blocks(const std::string& path) const { return table.tree().at(path).blocks; }
  bool exists(const std::string& path) const { return table.tree().count(path) != 0; }
};

Block block(std::uint64_t id, std::uint64_t length = 100, std::uint64_t generation = 1) {
  return {BlockId{id}, generation, length};
}

void check(const Outcome& outcome, Errc code) {
  INFO(outcome.message);
  CHECK(outcome.code == static_cast<std::uint8_t>(code));
}

TEST_CASE("Blocks of any length are added behind a last one that is not full") {
  Growth ns;
  ns.create("/f", {block(1), block(2, 30)});
  ns.time_ms = 200;
  CHECK(ns.apply(ns.append("/f", {block(3, 7), block(4), block(5, 1)})).ok());
  CHECK(ns.blocks("/f") == std::vector{block(1), block(2, 30), block(3, 7), block(4), block(5, 1)});
  CHECK(ns.stat("/f").length == 238);
  CHECK(ns.stat("/f").modified_ms == 200);
  CHECK(ns.stat("/f").accessed_ms == 100);
  // Of nothing, too; an empty file grows as others do.
  CHECK(ns.apply(ns.append("/f", {})).ok());
  ns.create("/empty");
  CHECK(ns.apply(ns.append("/empty", {block(6, 5)})).ok());
  CHECK(ns.stat("/empty").length == 5);
}

TEST_CASE("An append follows its file wherever that is, and goes to no other one") {
  Growth ns;
  ns.create("/f", {block(1)});
  const auto late = ns.append("/f", {block(2)});
  ns.apply(Rename{{}, 1, "/f", "/g"});
  CHECK(ns.apply(late).ok());
  CHECK(ns.stat("/g").length == 200);

  auto other = ns.append("/g", {block(3)});
  ns.create("/g", {block(4), block(5)});
  const auto replaced = ns.apply(other);
  check(replaced, Errc::kStale);
  CHECK(replaced.value == 0);
  other.path = "/";
  check(ns.apply(other), Errc::kIsADirectory);
  other.path = "/none";
  check(ns.apply(other), Errc::kNotFound);
  other.path = "/g/below";
  check(ns.apply(other), Errc::kNotADirectory);
  other.path = "relative";
  check(ns.apply(other), Errc::kInvalidArgument);
  CHECK(ns.stat("/g").length == 200);
}

TEST_CASE("What is below a removed directory does not grow, though it is not purged") {
  Growth ns;
  ns.create("/d/e/f", {block(1)});
  const auto late = ns.append("/d/e/f", {block(2)});
  ns.apply(Remove{{}, 1, "/d", true});
  check(ns.apply(late), Errc::kNotFound);
}

TEST_CASE("Of two that append at once the later one learns the length to append at") {
  Growth ns;
  ns.create("/f", {block(1)});
  auto first = ns.append("/f", {block(2, 10)});
  auto second = ns.append("/f", {block(3, 20)});
  CHECK(ns.apply(first).ok());
  const auto refused = ns.apply(second);
  check(refused, Errc::kStale);
  CHECK(refused.value == 110);
  second.length = refused.value;
  CHECK(ns.apply(second).ok());
  CHECK(ns.blocks("/f") == std::vector{block(1), block(2, 10), block(3, 20)});
}

TEST_CASE("Only whole new blocks that fit are added, all or none") {
  Growth ns;
  ns.create("/f", {block(1)});
  ns.apply(RetireBlockIds{{{BlockId{50}, 1}}});
  const auto refused = [&](std::vector<Block> blocks, Errc code) {
    check(ns.apply(ns.append("/f", std::move(blocks))), code);
    CHECK(ns.stat("/f").length == 100);
  };
  refused({block(2), block(3, 0)}, Errc::kInvalidArgument);
  refused({block(2), block(3, 101)}, Errc::kInvalidArgument);
  refused({block(2), block(3, 10, 0)}, Errc::kInvalidArgument);
  refused({block(2), block(3, 10, kGenerationMax + 1)}, Errc::kInvalidArgument);
  refused({block(2), block(2)}, Errc::kInvalidArgument);
  refused({block(2), block(100'000)}, Errc::kInvalidArgument);
  refused({block(2), block(1)}, Errc::kAlreadyExists);
  refused({block(2), block(50)}, Errc::kExpired);
}

TEST_CASE("The sources of a concat vanish, and their blocks follow in their order") {
  Growth ns;
  ns.create("/d/t", {block(1, 30)});
  ns.create("/d/a", {block(2), block(3, 7)}, 2);
  ns.create("/d/b", {block(4, 50)}, 3, 50);
  ns.time_ms = 300;
  CHECK(ns.concat("/d/t", {"/d/b", "/d/a"}).value == ns.stat("/d/t").id.value);
  CHECK(ns.blocks("/d/t") == std::vector{block(1, 30), block(4, 50), block(2), block(3, 7)});
  CHECK(ns.stat("/d/t").length == 187);
  CHECK(ns.stat("/d/t").modified_ms == 300);
  CHECK(ns.stat("/d").children == 1);
  CHECK(ns.stat("/d").modified_ms == 300);
  CHECK_FALSE(ns.exists("/d/a"));
  CHECK_FALSE(ns.exists("/d/b"));
}

TEST_CASE("A concat of anything but files of the target's directory changes nothing") {
  Growth ns;
  ns.create("/d/t", {block(1, 30)});
  ns.create("/d/a", {block(2)});
  ns.create("/d/empty");
  ns.create("/d/long", {block(3)}, 3, 200);
  ns.create("/e/x", {block(4)});
  const auto refused = [&](std::vector<std::string> sources, Errc code) {
    check(ns.concat("/d/t", std::move(sources)), code);
    CHECK(ns.stat("/d/t").length == 30);
    CHECK(ns.exists("/d/a"));
  };
  refused({}, Errc::kInvalidArgument);
  refused({"/d/a", "/d/t"}, Errc::kInvalidArgument);
  refused({"/d/a", "/d//a"}, Errc::kInvalidArgument);
  refused({"/d/a", "/e/x"}, Errc::kInvalidArgument);
  refused({"/d/a", "/e"}, Errc::kInvalidArgument);
  refused({"/d/a", "/d/empty"}, Errc::kInvalidArgument);
  refused({"/d/a", "/d/long"}, Errc::kInvalidArgument);
  refused({"/d/a", "/d/none"}, Errc::kNotFound);
  check(ns.concat("/none", {"/d/a"}), Errc::kNotFound);
  check(ns.concat("/d", {"/d/a"}), Errc::kIsADirectory);
}

TEST_CASE("Sources of more blocks than one entry moves are refused") {
  Growth ns;
  std::vector<Block> blocks;
  for (std::uint64_t id = 1; id <= kConcatBlocksMax; ++id) blocks.push_back(block(id));
  ns.create("/t");
  ns.create("/a", blocks);
  ns.create("/b", {block(50'000)});
  check(ns.concat("/t", {"/a", "/b"}), Errc::kTooLarge);
  check(ns.concat("/t", std::vector<std::string>(kConcatBlocksMax + 1, "/b")), Errc::kTooLarge);
  CHECK(ns.concat("/t", {"/a"}).ok());
  CHECK(ns.blocks("/t").size() == kConcatBlocksMax);
}

TEST_CASE("Owner and group are set each for itself, and entry by entry") {
  Growth ns;
  ns.create("/d/f");
  const auto reply = apply_change(ns.table, SetOwner{{},
                                                     1,
                                                     {{"/d/f", "ann", ""},
                                                      {"/none", "ann", ""},
                                                      {"/d", "", "staff"},
                                                      {"/d", "", ""},
                                                      {"/d", std::string(256, 'n'), ""},
                                                      {"/", "bob", "crew"}}});
  REQUIRE(reply.ok());
  REQUIRE(reply->outcomes.size() == 6);
  CHECK(reply->outcomes[0].ok());
  check(reply->outcomes[1], Errc::kNotFound);
  CHECK(reply->outcomes[2].ok());
  check(reply->outcomes[3], Errc::kInvalidArgument);
  check(reply->outcomes[4], Errc::kInvalidArgument);
  CHECK(reply->outcomes[5].ok());
  CHECK(ns.stat("/d/f").owner == "ann");
  CHECK(ns.stat("/d/f").group == "supergroup");
  CHECK(ns.stat("/d").owner.empty());
  CHECK(ns.stat("/d").group == "staff");
  CHECK(ns.stat("/").owner == "bob");
}

}  // namespace
}  // namespace minidfs::metadata
