#include "storage/namespace/namespace_store.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "storage/namespace/namespace_view.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::Block;
using metadata::Change;
using metadata::Remove;
using metadata::RequestId;
using test::blocks_of;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

Change mkdir_by(std::uint64_t client, std::uint64_t sequence, std::string path,
                std::int64_t time_ms = 10) {
  return metadata::MakeDirectory{
      {ClientId{0, client}, sequence, 0}, time_ms, std::move(path), false, 0755, "ann", "staff"};
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A file whose 3,000 blocks are too many for one step.
std::vector<Block> create_big(TestNamespace& ns) {
  ns.run(metadata::ReserveBlockIds{3000});
  std::vector<Block> blocks;
  for (std::uint64_t id = 1; id <= 3000; ++id) blocks.push_back({BlockId{id}, 1, 100});
  CHECK(ns.run(TestNamespace::create("/big", blocks)).ok());
  return blocks;
}

TEST_CASE("A new namespace holds the root") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  CHECK(ns.store().applied() == 0);
  const metadata::FileStatus root = must(ns.reader().stat("/"));
  CHECK(root.id == InodeId{1});
  CHECK(root.name.empty());
  CHECK(root.permission == 0755);
  CHECK(root.owner == "root");
  CHECK(must(ns.reader().counters()) == NamespaceCounters{0, 1, 0, 0});
}

TEST_CASE("What is applied is seen after the commit and still there after a restart") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.apply(TestNamespace::mkdir("/a"));
  CHECK(ns.reader().stat("/a").error().code == Errc::kNotFound);
  must(ns.store().commit_batch());
  CHECK(ns.reader().stat("/a").ok());
  ns.apply(TestNamespace::mkdir("/never-committed"));
  ns.reopen();
  CHECK(ns.store().applied() == 1);
  CHECK(ns.reader().stat("/a").ok());
  CHECK_FALSE(ns.reader().stat("/never-committed").ok());
}

TEST_CASE("Entries must come in order, and numbers may be left out") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const std::string entry = metadata::encode_change(TestNamespace::mkdir("/a"));
  CHECK(ns.store().apply(2, entry).ok());
  CHECK_FALSE(ns.store().apply(1, entry).ok());
  CHECK_FALSE(ns.store().apply(2, entry).ok());
  CHECK(ns.store().apply(5, entry).ok());
  CHECK(ns.store().applied() == 5);
}

TEST_CASE("An entry that does not decode is answered with an error and counts as applied") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  for (const std::string_view entry :
       {std::string_view(), std::string_view("\x01garbage"), std::string_view("\0", 1)}) {
    const auto reply = must(decode<metadata::ChangeReply>(ns.apply_entry(entry), "reply"));
    REQUIRE(reply.outcomes.size() == 1);
    CHECK_FALSE(reply.outcomes[0].ok());
  }
  must(ns.store().commit_batch());
  ns.reopen();
  CHECK(ns.store().applied() == 3);
}

TEST_CASE("An entry of a newer version ends the namespace before it, for whoever knows it") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  REQUIRE(ns.run(TestNamespace::mkdir("/a")).ok());
  const auto refused = ns.store().apply(2, std::string_view("\x70"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kUnsupported);
  CHECK_THAT(refused.error().message, Catch::Contains("entry 2 ") && Catch::Contains("kind 112") &&
                                          Catch::Contains("newer minidfs"));
  CHECK_FALSE(ns.store().apply(3, metadata::encode_change(TestNamespace::mkdir("/b"))).ok());
  ns.reopen();
  CHECK(ns.store().applied() == 1);
}

TEST_CASE("A request that is asked again has its first answer, also after a restart") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const metadata::Outcome made = ns.run(mkdir_by(1, 1, "/a"));
  CHECK(made.ok());
  CHECK(ns.run(mkdir_by(1, 1, "/a")).value == made.value);
  CHECK_FALSE(ns.run(mkdir_by(2, 1, "/a")).ok());
  ns.reopen();
  CHECK(ns.run(mkdir_by(1, 1, "/a")).value == made.value);
  CHECK_FALSE(ns.run(mkdir_by(2, 1, "/a")).ok());
  // Removed in the meantime: an old request must not make it again.
  CHECK(ns.run(TestNamespace::remove("/a")).ok());
  CHECK(ns.run(mkdir_by(1, 1, "/a")).value == made.value);
  CHECK_FALSE(ns.reader().stat("/a").ok());
}

TEST_CASE("A kept reply is found before its request is asked again") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const RequestId request{ClientId{0, 7}, 1, 0};
  CHECK_FALSE(must(ns.reader().kept_reply(request)).has_value());
  const auto outcome = ns.run(mkdir_by(7, 1, "/a"));
  const auto kept = must(ns.reader().kept_reply(request));
  REQUIRE(kept.has_value());
  CHECK(kept->outcomes.at(0).value == outcome.value);
  CHECK_FALSE(must(ns.reader().kept_reply({ClientId{0, 7}, 2, 0})).has_value());
  CHECK_FALSE(must(ns.reader().kept_reply({ClientId{0, 8}, 1, 0})).has_value());
}

TEST_CASE("A database that begins again keeps all but its numbers and its life") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::BeginLeadership{1, metadata::LifeId{8, 9}, 4, 44});
  ns.run(TestNamespace::create("/f", {{metadata::first_of(44), 1, 10}}));
  ns.reopen();
  must(ns.store().begin_again());
  CHECK(ns.store().applied() == 0);
  ns.reopen();
  CHECK(ns.store().applied() == 0);
  CHECK(must(ns.reader().epoch()) == metadata::Epoch{metadata::LifeId{}, 4});
  CHECK(must(ns.reader().file_blocks("/f")).blocks.size() == 1);
  // The marks of the other life stay used, and leaderships count on.
  CHECK(ns.run(metadata::BeginLeadership{1, metadata::LifeId{8, 10}, 5, 44}).code ==
        static_cast<std::uint8_t>(Errc::kAlreadyExists));
  CHECK(ns.run(metadata::BeginLeadership{1, metadata::LifeId{8, 10}, 5, 45}).ok());
  CHECK(ns.store().applied() == 2);
}

TEST_CASE("A namespace tells how much of each of its lives it holds") {
  using metadata::BeginLeadership;
  using metadata::BeginLife;
  using metadata::LifeId;
  using Standing = metadata::LifeFacts::Standing;
  const LifeId first{1, 1};
  const LifeId second{2, 2};
  const LifeId third{3, 3};
  const LifeId lost{4, 4};
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto check = [&](LifeId life, std::uint64_t leadership, Standing standing,
                         std::uint64_t last, std::uint64_t change) {
    const auto facts = must(ns.reader().history()).facts({life, leadership}, ns.store().applied());
    CAPTURE(life.low, leadership);
    CHECK(facts.standing == standing);
    CHECK(facts.leadership == last);
    CHECK(facts.change == change);
  };
  ns.run(BeginLeadership{1, first, 1, 41});  // Entry 1.
  ns.run(TestNamespace::mkdir("/a"));        // 2.
  ns.run(BeginLeadership{1, {}, 2, 42});     // 3.
  ns.run(TestNamespace::mkdir("/b"));        // 4.
  ns.run(BeginLeadership{1, {}, 2, 43});     // 5: more ids for the same leadership.
  ns.reopen();
  check(first, 1, Standing::kOwn, 2, 2);
  check(first, 2, Standing::kOwn, 2, 5);
  check(first, 3, Standing::kUnknown, 0, 0);  // Of another namespace that went on from this one.
  check(lost, 1, Standing::kUnknown, 0, 0);
  must(ns.store().begin_again());
  ns.run(BeginLeadership{1, second, 3, 44});  // Entry 1 of the next log.
  check(first, 1, Standing::kEarlier, 2, 2);
  check(first, 2, Standing::kEarlier, 2, 5);
  check(second, 3, Standing::kOwn, 3, 1);
  CHECK(
      (must(ns.reader().history()).strange(std::vector<metadata::BlockMark>{0, 41, 44, 50, 51})) ==
      std::vector<metadata::BlockMark>{50, 51});
  ns.run(BeginLife{1, third, 4, 45, {lost, third}, {50}});
  ns.reopen();
  check(first, 2, Standing::kGivenUp, 2, 5);
  check(second, 3, Standing::kGivenUp, 3, 1);
  check(lost, 9, Standing::kGivenUp, 0, 0);
  check(third, 4, Standing::kOwn, 4, 2);
  CHECK((must(ns.reader().history()).strange(std::vector<metadata::BlockMark>{50, 51})) ==
        std::vector<metadata::BlockMark>{51});
}

TEST_CASE("A removed tree disappears at once and is freed in steps") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{1000});
  std::uint64_t block = 1;
  for (int d = 0; d < 5; ++d) {
    for (int f = 0; f < 20; ++f) {
      ns.apply(TestNamespace::create("/t/d" + std::to_string(d) + "/f" + std::to_string(f),
                                     {{BlockId{block++}, 1, 50}}));
    }
  }
  must(ns.store().commit_batch());
  CHECK(must(ns.reader().counters()) == NamespaceCounters{100, 7, 100, 5000});
  const InodeId file = must(ns.reader().stat("/t/d1/f1")).id;
  ns.store().take_effects();
  CHECK(ns.run(TestNamespace::remove("/t")).ok());
  CHECK_FALSE(ns.reader().stat("/t").ok());
  CHECK(ns.reader().path_of(file).error().code == Errc::kNotFound);
  const NamespaceEffects removed = ns.store().take_effects();
  CHECK(removed.blocks.empty());
  CHECK(removed.purge_left);
  // The name is free while the old tree is still being purged.
  CHECK(ns.run(TestNamespace::create("/t/d1/f1")).ok());

  std::size_t freed = 0;
  std::size_t steps = 0;
  bool left = true;
  while (ns.run(metadata::PurgeRemoved{10}).value > 0) {
    const NamespaceEffects effects = ns.store().take_effects();
    const std::size_t now = blocks_of(effects, BlockEffect::Kind::kFreed).size();
    left = effects.purge_left;
    CHECK(now <= 10);
    freed += now;
    ++steps;
    if (steps % 3 == 0) ns.reopen();
  }
  CHECK(freed == 100);
  CHECK_FALSE(left);
  CHECK(steps > 10);
  CHECK(must(ns.reader().counters()) == NamespaceCounters{1, 3, 0, 0});
  CHECK(must(ns.reader().blocks_between(BlockId{0}, BlockId{~0ULL}, 10)).empty());
}

TEST_CASE("A removed file with very many blocks is freed in steps too") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto blocks = create_big(ns);
  CHECK(must(ns.reader().file_blocks("/big")).blocks == blocks);
  CHECK(blocks_of(ns.store().take_effects(), BlockEffect::Kind::kAdded).size() == 3000);
  CHECK(ns.run(TestNamespace::remove("/big")).ok());
  const NamespaceEffects removed = ns.store().take_effects();
  const std::size_t at_once = blocks_of(removed, BlockEffect::Kind::kFreed).size();
  CHECK(removed.purge_left);
  CHECK(at_once > 0);
  CHECK(at_once < 3000);
  while (ns.run(metadata::PurgeRemoved{500}).value > 0) {
  }
  const NamespaceEffects purged = ns.store().take_effects();
  CHECK(blocks_of(purged, BlockEffect::Kind::kFreed).size() == 3000 - at_once);
  CHECK_FALSE(purged.purge_left);
  CHECK(must(ns.reader().counters()) == NamespaceCounters{0, 1, 0, 0});
}

TEST_CASE("The wanted copies of very many blocks are changed in steps, over restarts too") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  create_big(ns);
  ns.store().take_effects();
  CHECK(ns.run(metadata::SetReplication{{}, 1, "/big", 2}).ok());
  CHECK(must(ns.reader().stat("/big")).replication == 2);
  const NamespaceEffects begun = ns.store().take_effects();
  CHECK(begun.purge_left);
  const std::size_t at_once = blocks_of(begun, BlockEffect::Kind::kRetargeted).size();
  CHECK(at_once > 0);
  CHECK(at_once < 2000);
  std::uint8_t wanted = 2;
  if (GENERATE(false, true)) {  // Changed once more before the first change is through.
    ns.run(metadata::PurgeRemoved{500});
    wanted = 5;
    CHECK(ns.run(metadata::SetReplication{{}, 1, "/big", wanted}).ok());
  }
  std::size_t steps = 0;
  bool left = true;
  while (ns.run(metadata::PurgeRemoved{300}).value > 0) {
    const NamespaceEffects effects = ns.store().take_effects();
    left = effects.purge_left;
    CHECK(blocks_of(effects, BlockEffect::Kind::kRetargeted).size() <= (steps == 0 ? 2048 : 300));
    if (++steps % 3 == 0) ns.reopen();
  }
  CHECK_FALSE(left);
  CHECK(steps > 5);
  std::size_t changed = 0;
  for (const OwnedBlock& block :
       must(ns.reader().blocks_between(BlockId{1}, BlockId{3000}, 4000))) {
    changed += block.replication == wanted ? 1 : 0;
  }
  CHECK(changed == 3000);
}

TEST_CASE("A file that is removed while its wanted copies change is freed to its end") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  create_big(ns);
  CHECK(ns.run(metadata::SetReplication{{}, 1, "/big", 2}).ok());
  CHECK(ns.run(TestNamespace::remove("/big")).ok());
  ns.store().take_effects();
  while (ns.run(metadata::PurgeRemoved{500}).value > 0) {
  }
  CHECK_FALSE(ns.store().take_effects().purge_left);
  CHECK(must(ns.reader().counters()) == NamespaceCounters{0, 1, 0, 0});
}

TEST_CASE("A change of replication is told for every block that it concerns") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{10});
  ns.run(TestNamespace::create("/f", {{BlockId{1}, 4, 100}, {BlockId{2}, 5, 1}}));
  ns.store().take_effects();
  CHECK(ns.run(metadata::SetReplication{{}, 1, "/f", 2}).ok());
  const std::vector<OwnedBlock> expected{{BlockId{1}, 4, 100, 2}, {BlockId{2}, 5, 1, 2}};
  CHECK(blocks_of(ns.store().take_effects(), BlockEffect::Kind::kRetargeted) == expected);
  CHECK(must(ns.reader().blocks_between(BlockId{1}, BlockId{2}, 10)) == expected);
  CHECK(ns.run(metadata::SetReplication{{}, 1, "/f", 2}).ok());
  CHECK(ns.store().take_effects().blocks.empty());
}

TEST_CASE("What a batch means for blocks is told in the order of its changes") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{10});
  ns.store().take_effects();
  ns.apply(TestNamespace::create("/f", {{BlockId{1}, 1, 10}}));
  ns.apply(metadata::SetReplication{{}, 1, "/f", 2});
  ns.apply(TestNamespace::remove("/f"));
  ns.apply(TestNamespace::create("/g", {{BlockId{2}, 1, 20}}));
  must(ns.store().commit_batch());
  using Kind = BlockEffect::Kind;
  const NamespaceEffects effects = ns.store().take_effects();
  CHECK(effects.applied == 5);
  CHECK(effects.blocks == std::vector<BlockEffect>{{Kind::kAdded, {BlockId{1}, 1, 10}, 3},
                                                   {Kind::kRetargeted, {BlockId{1}, 1, 10}, 2},
                                                   {Kind::kFreed, {BlockId{1}, 1, 10}, 2},
                                                   {Kind::kAdded, {BlockId{2}, 1, 20}, 3}});
}

TEST_CASE("What make_durable() has returned is in a copy of the files taken afterwards") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  for (int i = 0; i < 100; ++i) ns.run(TestNamespace::mkdir("/d" + std::to_string(i)));
  CHECK(must(ns.store().make_durable()) == 100);
  ns.run(TestNamespace::mkdir("/later"));
  // A killed process leaves just these two.
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy(directory.file() + suffix, directory.file("copy.db") + suffix);
  }
  TestNamespace copy(directory.file("copy.db"));
  CHECK(copy.store().applied() == 101);
  CHECK(copy.reader().stat("/d99").ok());
}

TEST_CASE("The write-ahead log stays short although a reader keeps its snapshot") {
  const NamespaceDirectory directory;
  NamespaceOptions options;
  options.wal_limit_bytes = 1U << 20U;
  TestNamespace ns(directory.file(), options);
  const auto idle = must(ns.store().open_reader());
  CHECK(idle->stat("/").ok());
  std::uintmax_t largest = 0;
  for (int i = 0; i < 3000; ++i) {
    ns.run(TestNamespace::create("/d" + std::to_string(i % 10) + "/f" + std::to_string(i)));
    largest = std::max(largest, std::filesystem::file_size(directory.file() + "-wal"));
  }
  CHECK(largest > 900'000);
  CHECK(largest < 1'300'000);
  CHECK(must(idle->counters()).files == 3000);
}

TEST_CASE("A reader of another process holds nothing up") {
  const NamespaceDirectory directory;
  NamespaceOptions options;
  options.wal_limit_bytes = 100'000;
  TestNamespace ns(directory.file(), options);
  Database outside = must(Database::open(directory.file(), Database::Mode::kReadOnly));
  must(outside.execute("BEGIN; SELECT * FROM state"));
  int made = 0;
  const auto make = [&](int count) {
    for (int i = 0; i < count; ++i) ns.run(TestNamespace::mkdir("/d" + std::to_string(made++)));
  };
  const auto wal_bytes = [&] {
    return std::filesystem::file_size(directory.file("namespace.db-wal"));
  };
  make(300);
  must(ns.store().make_durable());
  const auto held_back = wal_bytes();
  CHECK(held_back > 2 * options.wal_limit_bytes);
  CHECK_THAT(ns.store().room_note(),
             Catch::Contains("namespace.db-wal takes") && Catch::Contains("another process"));
  // When it has gone the log is shortened at the next try, and is written from its beginning.
  must(outside.execute("COMMIT"));
  while (ns.store().applied() < 2000) make(100);
  CHECK(wal_bytes() < held_back + (5 << 20));
  CHECK(ns.store().room_note().empty());
  const auto shortened = wal_bytes();
  make(500);
  CHECK(wal_bytes() == shortened);
}

TEST_CASE("A snapshot stands from the moment it is taken") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto snapshot = must(ReadSnapshot::open(directory.file(), 100));
  const std::lock_guard lock(snapshot->mutex());
  must(snapshot->refresh(1));
  ns.run(TestNamespace::mkdir("/later"));
  CHECK(must(snapshot->database().integer("SELECT applied FROM state")) == 0);
}

TEST_CASE("Making durable and reading go on beside the writer and never see half a batch") {
  const NamespaceDirectory directory;
  NamespaceOptions options;
  options.wal_limit_bytes = 500'000;
  TestNamespace ns(directory.file(), options);
  const auto reader = must(ns.store().open_reader());
  ns.run(TestNamespace::mkdir("/a"));
  ns.run(TestNamespace::mkdir("/b"));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> bad{0};
  std::thread durable([&] {
    std::uint64_t last = 0;
    // Not for as long as the others run: a sync takes as long as the machine's disk likes.
    for (int i = 0; i < 20 && !stop; ++i) {
      const auto applied = ns.store().make_durable();
      if (!applied || *applied < last) ++bad;
      if (applied) last = *applied;
    }
  });
  std::thread watcher([&] {
    while (!stop) {
      // Each batch adds a file to both.
      const auto root = reader->list("/", "", 10);
      metadata::FileStatus a, b;
      if (!root) {
        ++bad;
        continue;
      }
      Decoder decoder(*root->entries);
      if (!decoder.get(a) || !decoder.get(b) || a.children != b.children) ++bad;
    }
  });
  for (int i = 0; i < 500; ++i) {
    ns.apply(TestNamespace::create("/a/f" + std::to_string(i)));
    ns.apply(TestNamespace::create("/b/f" + std::to_string(i)));
    must(ns.store().commit_batch());
    const auto listing = must(ns.reader().list("/a", "", 10'000));
    if (listing.count != static_cast<std::uint32_t>(i + 1)) ++bad;
  }
  stop = true;
  durable.join();
  watcher.join();
  CHECK(bad == 0);
}

TEST_CASE("A file that is no namespace is refused and left as it was") {
  const NamespaceDirectory directory;
  const std::string path = directory.file();
  const auto refused = [&](Errc code) {
    const std::string before = content(path);
    const auto store = NamespaceStore::open(path);
    REQUIRE_FALSE(store.ok());
    CHECK(store.error().code == code);
    CHECK_THAT(store.error().message, Catch::StartsWith(path));
    CHECK(content(path) == before);
  };
  SECTION("text") {
    write(path, std::string(5000, 'x'));
    refused(Errc::kCorrupt);
  }
  SECTION("a few bytes") {
    write(path, "SQLite");
    refused(Errc::kCorrupt);
  }
  SECTION("another program's database") {
    {
      Database other = must(Database::open(path, Database::Mode::kCreate));
      must(other.execute("CREATE TABLE t(x)"));
    }
    refused(Errc::kCorrupt);
  }
  SECTION("a cut database") {
    { const TestNamespace ns(path); }
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1000);
    refused(Errc::kCorrupt);
  }
  SECTION("a database whose tables are gone") {
    { const TestNamespace ns(path); }
    {
      Database database = must(Database::open(path, Database::Mode::kReadWrite));
      must(database.execute("DROP TABLE block"));
    }
    refused(Errc::kCorrupt);
  }
  SECTION("a newer version") {
    { const TestNamespace ns(path); }
    {
      Database database = must(Database::open(path, Database::Mode::kReadWrite));
      must(database.execute("PRAGMA user_version=99"));
    }
    refused(Errc::kUnsupported);
  }
  SECTION("a damaged first table") {
    { const TestNamespace ns(path); }
    std::string bytes = content(path);
    for (std::size_t i = 100; i < 2048; ++i) bytes[i] = static_cast<char>(0xA5);
    write(path, bytes);
    refused(Errc::kCorrupt);
  }
  SECTION("a page full of names that is zeros now") {
    {
      TestNamespace ns(path);
      for (int i = 0; i < 300; ++i) ns.run(TestNamespace::mkdir("/d" + std::to_string(i)));
    }
    std::string bytes = content(path);
    const auto name = bytes.find("d150");
    REQUIRE(name != std::string::npos);
    bytes.replace(name / 2048 * 2048, 2048, 2048, '\0');
    write(path, bytes);
    refused(Errc::kCorrupt);
  }
}

TEST_CASE("An empty file, left by a crash in the first moment, becomes a namespace") {
  const NamespaceDirectory directory;
  write(directory.file(), "");
  TestNamespace ns(directory.file());
  CHECK(ns.run(TestNamespace::mkdir("/a")).ok());
}

}  // namespace
}  // namespace minidfs::storage
