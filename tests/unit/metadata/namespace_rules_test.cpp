#include "metadata/namespace_rules.hpp"

#include <catch2/catch.hpp>

#include "unit/metadata/memory_table.hpp"
#include "unit/metadata/namespace_model.hpp"

namespace minidfs::metadata {
namespace {

using test::MemoryTable;

// Applies changes with defaults for all that a test does not set.
struct Namespace {
  MemoryTable table;
  std::int64_t time_ms = 100;

  Outcome apply(const Change& change) {
    auto reply = apply_change(table, change);
    REQUIRE(reply.ok());
    REQUIRE(reply->outcomes.size() == 1);
    const Outcome outcome = reply->outcomes[0];
    CHECK(outcome.ok() == outcome.message.empty());
    return outcome;
  }
  Outcome mkdir(std::string path, bool parents = false, std::uint16_t permission = 0755) {
    return apply(MakeDirectory{{}, time_ms, std::move(path), parents, permission, "ann", "staff"});
  }
  static CommittedFile file(std::string path) {
    CommittedFile file;
    file.path = std::move(path);
    file.owner = "ann";
    file.group = "staff";
    file.block_size = 100;
    file.replication = 3;
    file.compression = "none";
    return file;
  }
  Outcome commit(CommittedFile committed) {
    return apply(CommitFiles{{}, time_ms, {std::move(committed)}});
  }
  Outcome touch(std::string path) { return commit(file(std::move(path))); }
  Outcome rename(std::string from, std::string to) {
    return apply(Rename{{}, time_ms, std::move(from), std::move(to)});
  }
  Outcome rename_exactly(std::string from, std::string to, bool overwrite) {
    return apply(RenameExactly{{}, time_ms, std::move(from), std::move(to), overwrite});
  }
  Outcome remove(std::string path, bool recursive = false) {
    return apply(Remove{{}, time_ms, std::move(path), recursive});
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& [path, entry] : table.tree()) out.push_back(path);
    return out;
  }
  FileStatus stat(const std::string& path) const { return table.tree().at(path).status; }
};

using Paths = std::vector<std::string>;

void check(const Outcome& outcome, Errc code) {
  CHECK(outcome.code == static_cast<std::uint8_t>(code));
}

TEST_CASE("mkdir makes one directory, and with parents what is missing above it") {
  Namespace ns;
  CHECK(ns.mkdir("/a").value == 2);
  check(ns.mkdir("/a"), Errc::kAlreadyExists);
  check(ns.mkdir("/"), Errc::kAlreadyExists);
  CHECK(ns.mkdir("/", true).value == 1);
  CHECK(ns.mkdir("/a", true).value == 2);
  check(ns.mkdir("/x/y"), Errc::kNotFound);
  CHECK(ns.mkdir("/x/y/z", true, 0555).ok());
  CHECK(ns.paths() == Paths{"/", "/a", "/x", "/x/y", "/x/y/z"});
  // HDFS: the leaf has the exact mode, new ancestors are usable by their owner.
  CHECK(ns.stat("/x/y/z").permission == 0555);
  CHECK(ns.stat("/x/y").permission == 0755);
  ns.touch("/f");
  check(ns.mkdir("/f", true), Errc::kAlreadyExists);
  check(ns.mkdir("/f/g", true), Errc::kNotADirectory);
  check(ns.mkdir("/b", false, 02000), Errc::kInvalidArgument);
}

TEST_CASE("A commit makes a file whole, replaces only files, and never half of its parents") {
  Namespace ns;
  ns.mkdir("/d", false, 0710);
  CHECK(ns.touch("/d/n/f").ok());
  CHECK(ns.stat("/d/n").permission == 0710);
  check(ns.touch("/d/n/f"), Errc::kAlreadyExists);
  check(ns.touch("/d"), Errc::kIsADirectory);
  check(ns.touch("/"), Errc::kIsADirectory);
  check(ns.touch("/d/n/f/g"), Errc::kNotADirectory);
  CommittedFile file = Namespace::file("/d/n/f");
  file.overwrite = true;
  const InodeId before = ns.stat("/d/n/f").id;
  CHECK(ns.commit(file).ok());
  CHECK(ns.stat("/d/n/f").id > before);
  CHECK(ns.stat("/d/n").children == 1);
  file.path = "/no/parent";
  file.parents = false;
  check(ns.commit(file), Errc::kNotFound);
  file.parents = true;
  file.replication = 0;
  check(ns.commit(file), Errc::kInvalidArgument);
  CHECK(ns.paths() == Paths{"/", "/d", "/d/n", "/d/n/f"});
}

TEST_CASE("The blocks of a file must fit its block size and belong to nobody else") {
  Namespace ns;
  CHECK(ns.apply(ReserveBlockIds{10}).value == 1);
  CHECK(ns.apply(ReserveBlockIds{5}).value == 11);
  check(ns.apply(ReserveBlockIds{0}), Errc::kInvalidArgument);
  check(ns.apply(ReserveBlockIds{~0ULL}), Errc::kInvalidArgument);
  const auto commit = [&](std::string path, std::vector<Block> blocks) {
    CommittedFile file = Namespace::file(std::move(path));
    file.blocks = std::move(blocks);
    return ns.commit(file);
  };
  const auto block = [](std::uint64_t id, std::uint64_t length) {
    return Block{BlockId{id}, 1, length};
  };
  CHECK(commit("/a", {block(1, 100), block(2, 7)}).ok());
  CHECK(ns.stat("/a").length == 107);
  check(commit("/b", {block(2, 7)}), Errc::kAlreadyExists);
  check(commit("/b", {block(3, 99), block(4, 7)}), Errc::kInvalidArgument);
  check(commit("/b", {block(3, 101)}), Errc::kInvalidArgument);
  check(commit("/b", {block(3, 0)}), Errc::kInvalidArgument);
  check(commit("/b", {block(3, 100), block(3, 100)}), Errc::kInvalidArgument);
  check(commit("/b", {block(0, 1)}), Errc::kInvalidArgument);
  check(commit("/b", {block(16, 1)}), Errc::kInvalidArgument);
  CHECK(commit("/b", {block(15, 1)}).ok());
}

TEST_CASE("The numbers of a block are those that the block map can hold") {
  Namespace ns;
  ns.apply(ReserveBlockIds{10});
  const auto commit = [&](std::uint64_t generation, std::uint64_t length) {
    CommittedFile file = Namespace::file("/f");
    file.overwrite = true;
    file.block_size = kBlockSizeMax;
    file.blocks = {{BlockId{1 + generation % 2}, generation, length}};
    return ns.commit(file);
  };
  CHECK(commit(kGenerationMax, kBlockLengthMax).ok());
  check(commit(kGenerationMax + 1, 1), Errc::kInvalidArgument);
  check(commit(0, 1), Errc::kInvalidArgument);
  check(commit(2, kBlockLengthMax + 1), Errc::kInvalidArgument);
}

TEST_CASE("Each leadership grants blocks of a mark of its own") {
  Namespace ns;
  ns.apply(ReserveBlockIds{10});
  const auto begin = [&](std::uint64_t number, BlockMark mark, LifeId life = {}) {
    return ns.apply(BeginLeadership{1, life, number, mark});
  };
  const auto commit = [&](std::string path, BlockId block) {
    CommittedFile file = Namespace::file(std::move(path));
    file.blocks = {{block, 1, 7}};
    return ns.commit(file);
  };
  check(commit("/a", first_of(77)), Errc::kInvalidArgument);
  CHECK(begin(1, 77, LifeId{5, 6}).value == 1);
  CHECK(ns.table.epoch() == Epoch{LifeId{5, 6}, 1});
  CHECK(commit("/a", first_of(77)).ok());
  check(commit("/b", BlockId{first_of(77).value - 1}), Errc::kInvalidArgument);
  // A mark is used once, numbers never go back, and the blocks of earlier ones stay good.
  check(begin(2, 77), Errc::kAlreadyExists);
  check(begin(2, 0), Errc::kInvalidArgument);
  CHECK(begin(3, 78).ok());
  check(begin(2, 79), Errc::kStale);
  CHECK(begin(3, 79).ok());
  CHECK(ns.table.epoch() == Epoch{LifeId{5, 6}, 3});
  CHECK(commit("/b", BlockId{first_of(77).value + 9}).ok());
  CHECK(commit("/c", BlockId{10}).ok());
}

TEST_CASE("A life that begins on an operator's word gives up what others know") {
  Namespace ns;
  const LifeId first{5, 6};
  const LifeId other{7, 8};
  CHECK(ns.apply(BeginLeadership{1, first, 1, 77}).ok());
  check(ns.apply(BeginLife{1, {}, 2, 78, {}, {}}), Errc::kInvalidArgument);
  check(ns.apply(BeginLife{1, {9, 9}, 2, 77, {}, {}}), Errc::kAlreadyExists);
  CHECK(ns.table.epoch() == Epoch{first, 1});
  CHECK(ns.apply(BeginLife{1, {9, 9}, 2, 78, {other}, {90, 91}}).value == 2);
  CHECK(ns.table.epoch() == Epoch{{9, 9}, 2});
  // Blocks with these marks were never granted here, and no leadership takes them.
  check(ns.apply(BeginLeadership{1, {}, 3, 90}), Errc::kAlreadyExists);
  CommittedFile file = Namespace::file("/f");
  file.blocks = {{first_of(90), 1, 7}};
  check(ns.commit(file), Errc::kInvalidArgument);
  file.blocks = {{first_of(77), 1, 7}};
  CHECK(ns.commit(file).ok());
}

TEST_CASE("A mark that the old counter has reached is used") {
  Namespace ns;
  for (int i = 0; i < 3; ++i) ns.apply(ReserveBlockIds{kBlockCountMax});
  check(ns.apply(BeginLeadership{1, {}, 1, 2}), Errc::kAlreadyExists);
  CHECK(ns.apply(BeginLeadership{1, {}, 1, 3}).ok());
}

TEST_CASE("A retired block is never committed, an owned one never retired") {
  Namespace ns;
  ns.apply(ReserveBlockIds{10});
  const auto commit = [&](std::string path, std::vector<Block> blocks) {
    CommittedFile file = Namespace::file(std::move(path));
    file.overwrite = true;
    file.blocks = std::move(blocks);
    return ns.commit(file);
  };
  const auto block = [](std::uint64_t id) { return Block{BlockId{id}, 1, 100}; };
  CHECK(commit("/f", {block(4)}).ok());
  CHECK(ns.apply(RetireBlockIds{{{BlockId{2}, 4}, {BlockId{8}, 1}}}).value == 4);
  for (const std::uint64_t id : {2, 3, 5, 8}) check(commit("/f", {block(id)}), Errc::kExpired);
  check(commit("/f", {block(1), block(3)}), Errc::kExpired);
  CHECK(ns.table.tree().at("/f").blocks == std::vector<Block>{block(4)});
  CHECK(commit("/g", {block(1), block(6), block(7)}).ok());
  check(ns.apply(RetireBlockIds{{{BlockId{0}, 1}}}), Errc::kInvalidArgument);
  check(ns.apply(RetireBlockIds{{{BlockId{9}, 1}, {BlockId{9}, 0}}}), Errc::kInvalidArgument);
  check(ns.apply(RetireBlockIds{{{kBlockIdMax, 2}}}), Errc::kInvalidArgument);
  CHECK(commit("/g", {block(9)}).ok());
}

TEST_CASE("rename follows HDFS: into a directory, never over anything, never below itself") {
  Namespace ns;
  ns.mkdir("/d/e", true);
  ns.mkdir("/t");
  ns.touch("/d/f");
  check(ns.rename("/", "/t"), Errc::kInvalidArgument);
  check(ns.rename("/none", "/t"), Errc::kNotFound);
  check(ns.rename("/d", "/d/e"), Errc::kInvalidArgument);
  check(ns.rename("/d", "/d"), Errc::kInvalidArgument);
  check(ns.rename("/d", "/d/e/x"), Errc::kInvalidArgument);
  check(ns.rename("/d/f", "/none/x"), Errc::kNotFound);
  check(ns.rename("/d/e", "/d/f"), Errc::kAlreadyExists);
  check(ns.rename("/d/e", "/d/f/x"), Errc::kNotADirectory);
  CHECK(ns.rename("/d/f", "/d/f").ok());
  CHECK(ns.rename("/d/f", "/d").ok());
  check(ns.rename("/d/e", "/d"), Errc::kAlreadyExists);
  CHECK(ns.rename("/d/f", "/t").ok());
  CHECK(ns.rename("/d", "/t/d2").ok());
  CHECK(ns.paths() == Paths{"/", "/t", "/t/d2", "/t/d2/e", "/t/f"});
  CHECK(ns.rename("/t/f", "/").ok());
  CHECK(ns.paths() == Paths{"/", "/f", "/t", "/t/d2", "/t/d2/e"});
}

TEST_CASE("An exact rename replaces a file by a file, and an empty directory by a directory") {
  Namespace ns;
  ns.mkdir("/d/e", true);
  ns.mkdir("/empty");
  const auto moved = ns.touch("/d/f");
  ns.touch("/g");
  check(ns.rename_exactly("/d/f", "/g", false), Errc::kAlreadyExists);
  CHECK(ns.rename_exactly("/d/f", "/g", true).value == moved.value);
  CHECK(ns.stat("/g").id.value == moved.value);
  CHECK(ns.paths() == Paths{"/", "/d", "/d/e", "/empty", "/g"});
  check(ns.rename_exactly("/d", "/empty", false), Errc::kAlreadyExists);
  check(ns.rename_exactly("/empty", "/d", true), Errc::kNotEmpty);
  CHECK(ns.rename_exactly("/d", "/empty", true).ok());
  CHECK(ns.paths() == Paths{"/", "/empty", "/empty/e", "/g"});
  CHECK(ns.table.directory(kRootInode)->children == 2);
}

TEST_CASE("An exact rename never goes into a directory, and neither kind replaces the other") {
  Namespace ns;
  ns.mkdir("/d/e", true);
  ns.touch("/f");
  for (const bool overwrite : {false, true}) {
    check(ns.rename_exactly("/f", "/d", overwrite), Errc::kIsADirectory);
    check(ns.rename_exactly("/d/e", "/f", overwrite), Errc::kIsADirectory);
    check(ns.rename_exactly("/f", "/f", overwrite), Errc::kAlreadyExists);
    check(ns.rename_exactly("/d", "/d", overwrite), Errc::kAlreadyExists);
    check(ns.rename_exactly("/d", "/d/e", overwrite), Errc::kInvalidArgument);
    check(ns.rename_exactly("/d/e", "/", overwrite), Errc::kInvalidArgument);
    check(ns.rename_exactly("/", "/x", overwrite), Errc::kInvalidArgument);
    check(ns.rename_exactly("/none", "/f", overwrite), Errc::kNotFound);
    check(ns.rename_exactly("/f", "/none/x", overwrite), Errc::kNotFound);
    check(ns.rename_exactly("/d", "/f/x", overwrite), Errc::kNotADirectory);
  }
  check(ns.rename_exactly("/d/e", "/d", true), Errc::kNotEmpty);
  CHECK(ns.rename_exactly("/f", "/d/e/f", false).ok());
  CHECK(ns.paths() == Paths{"/", "/d", "/d/e", "/d/e/f"});
}

TEST_CASE("A name that only begins like the source is not below it") {
  Namespace ns;
  ns.mkdir("/a");
  ns.mkdir("/ab");
  CHECK(ns.rename("/a", "/ab/c").ok());
}

TEST_CASE("A rename must not make a path that nobody could name") {
  Namespace ns;
  std::string deep;
  for (int i = 0; i < 999; ++i) deep += "/d";
  REQUIRE(ns.mkdir(deep, true).ok());
  ns.mkdir("/x");
  ns.touch("/f");
  CHECK(ns.rename("/f", deep).ok());
  ns.touch("/g");
  REQUIRE(ns.mkdir(deep + "/e").ok());
  check(ns.rename("/g", deep + "/e"), Errc::kInvalidArgument);
}

TEST_CASE("rm removes a file or an empty directory, the rest only recursively, the root never") {
  Namespace ns;
  ns.mkdir("/d/e", true);
  ns.touch("/d/f");
  check(ns.remove("/", true), Errc::kInvalidArgument);
  check(ns.remove("/none"), Errc::kNotFound);
  check(ns.remove("/d/f/g"), Errc::kNotADirectory);
  check(ns.remove("/d"), Errc::kNotEmpty);
  CHECK(ns.remove("/d/e").ok());
  CHECK(ns.remove("/d/f").ok());
  CHECK(ns.remove("/d").ok());
  ns.mkdir("/d/e", true);
  CHECK(ns.remove("/d", true).ok());
  CHECK(ns.paths() == Paths{"/"});
}

TEST_CASE("setrep is for files") {
  Namespace ns;
  ns.mkdir("/d");
  ns.touch("/f");
  const auto setrep = [&](std::string path, std::uint8_t replication) {
    return ns.apply(SetReplication{{}, 1, std::move(path), replication});
  };
  CHECK(setrep("/f", 5).ok());
  CHECK(ns.stat("/f").replication == 5);
  check(setrep("/f", 0), Errc::kInvalidArgument);
  check(setrep("/d", 2), Errc::kIsADirectory);
  check(setrep("/", 2), Errc::kIsADirectory);
  check(setrep("/none", 2), Errc::kNotFound);
}

TEST_CASE("A directory's time is that of the last change of its entries") {
  Namespace ns;
  ns.time_ms = 1;
  ns.mkdir("/a");
  ns.mkdir("/b");
  ns.time_ms = 2;
  ns.touch("/a/f");
  CHECK(ns.stat("/a").modified_ms == 2);
  CHECK(ns.stat("/").modified_ms == 1);
  ns.time_ms = 3;
  ns.rename("/a/f", "/b/g");
  CHECK(ns.stat("/a").modified_ms == 3);
  CHECK(ns.stat("/b").modified_ms == 3);
  CHECK(ns.stat("/b/g").modified_ms == 2);
  ns.time_ms = 4;
  ns.remove("/b/g");
  CHECK(ns.stat("/b").modified_ms == 4);
  CHECK(ns.stat("/").modified_ms == 1);
}

TEST_CASE("Times and permissions are set one by one, and what is not given stays") {
  Namespace ns;
  ns.time_ms = 5;
  ns.touch("/d/f");
  const auto set = [&](EntryAttributes entry) {
    return ns.apply(SetAttributes{{}, ns.time_ms, {std::move(entry)}});
  };
  CHECK(set({"/d/f", 0750, EntryAttributes::kKeepTime, EntryAttributes::kKeepTime}).ok());
  CHECK(ns.stat("/d/f").permission == 0750);
  CHECK(ns.stat("/d/f").modified_ms == 5);
  CHECK(set({"/d/f", EntryAttributes::kKeepPermission, -7, 9}).ok());
  CHECK(ns.stat("/d/f").permission == 0750);
  CHECK(ns.stat("/d/f").modified_ms == -7);
  CHECK(ns.stat("/d/f").accessed_ms == 9);
  CHECK(set({"/d", 01700, 11, 12}).ok());
  CHECK(ns.stat("/d").permission == 01700);
  CHECK(ns.stat("/d").modified_ms == 11);
  CHECK(ns.stat("/d").accessed_ms == 0);
  CHECK(set({"/", 0711, 1, 1}).ok());
  CHECK(ns.stat("/").permission == 0711);
  check(set({"/d/f", 02000, 1, 1}), Errc::kInvalidArgument);
  check(set({"/d/g", 0600, 1, 1}), Errc::kNotFound);
  check(set({"/d/f/g", 0600, 1, 1}), Errc::kNotADirectory);
}

TEST_CASE("A file is committed with times of its own, and its directory changes now") {
  Namespace ns;
  ns.mkdir("/d");
  ns.time_ms = 50;
  CommitDated commit{{}, ns.time_ms, {}, 0, 0, {}, {}};
  for (const char* path : {"/d/both", "/d/one", "/d/none"}) {
    commit.files.push_back(Namespace::file(path));
  }
  commit.times = {{-7, 9}, {11, kKeepTime}};
  const auto refused = apply_change(ns.table, commit);
  REQUIRE(refused.ok());
  for (const auto& outcome : refused->outcomes) check(outcome, Errc::kInvalidArgument);
  CHECK(ns.paths() == Paths{"/", "/d"});
  commit.times.emplace_back();
  const auto reply = apply_change(ns.table, commit);
  REQUIRE(reply.ok());
  REQUIRE(reply->outcomes.size() == 3);
  for (const auto& outcome : reply->outcomes) CHECK(outcome.ok());
  CHECK(ns.stat("/d/both").modified_ms == -7);
  CHECK(ns.stat("/d/both").accessed_ms == 9);
  CHECK(ns.stat("/d/one").modified_ms == 11);
  CHECK(ns.stat("/d/one").accessed_ms == 50);
  CHECK(ns.stat("/d/none").modified_ms == 50);
  CHECK(ns.stat("/d").modified_ms == 50);
}

TEST_CASE("A message names the path as it is") {
  Namespace ns;
  ns.touch("/f");
  CHECK(ns.touch("/f/\xC3\xBC\\").message == "/f/\xC3\xBC\\: /f is not a directory");
  CHECK(ns.remove("/a/b").message == "/a/b: /a not found");
}

TEST_CASE("Random changes end as in a naive namespace") {
  const auto seed = GENERATE(range(1, 21));
  CAPTURE(seed);
  test::NamespaceModel model;
  test::RandomChanges changes(static_cast<std::uint64_t>(seed), false, &model);
  MemoryTable table;
  for (int step = 0; step < 1000; ++step) {
    CAPTURE(step);
    const Change change = changes.next();
    const auto reply = apply_change(table, change);
    REQUIRE(reply.ok());
    const ChangeReply expected = model.apply(change);
    REQUIRE(reply->outcomes.size() == expected.outcomes.size());
    for (std::size_t i = 0; i < expected.outcomes.size(); ++i) {
      INFO(reply->outcomes[i].message);
      REQUIRE(reply->outcomes[i].code == expected.outcomes[i].code);
      REQUIRE(reply->outcomes[i].value == expected.outcomes[i].value);
    }
  }
  const auto expected = model.entries();
  const auto tree = table.tree();
  REQUIRE(tree.size() == expected.size());
  for (const auto& [path, entry] : expected) {
    CAPTURE(path);
    REQUIRE(tree.count(path) == 1);
    CHECK(tree.at(path).status == entry.status);
    CHECK(tree.at(path).blocks == entry.blocks);
  }
}

}  // namespace
}  // namespace minidfs::metadata
