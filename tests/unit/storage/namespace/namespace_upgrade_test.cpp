// Databases of earlier versions: what was in them is there after the start, and works.
#include "storage/namespace/namespace_schema.hpp"
#include "storage/sqlite.hpp"
#include "unit/storage/namespace/file_size_limit.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::Block;
using metadata::first_of;
using metadata::LifeId;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

// The schema of version 1, as commit deb2855 wrote it.
constexpr char kSchemaOf1[] = R"sql(
CREATE TABLE state(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  applied INTEGER NOT NULL,
  clock_ms INTEGER NOT NULL,
  next_inode INTEGER NOT NULL,
  next_block INTEGER NOT NULL,
  files INTEGER NOT NULL,
  directories INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  bytes INTEGER NOT NULL);
CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE dentry(
  parent INTEGER NOT NULL,
  name TEXT NOT NULL,
  inode INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  permission INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  "group" INTEGER NOT NULL,
  modified_ms INTEGER NOT NULL,
  children INTEGER,
  length INTEGER,
  accessed_ms INTEGER,
  block_size INTEGER,
  replication INTEGER,
  compression INTEGER,
  PRIMARY KEY(parent, name)) WITHOUT ROWID;
CREATE INDEX dentry_inode ON dentry(inode);
CREATE TABLE block(
  id INTEGER PRIMARY KEY,
  inode INTEGER NOT NULL,
  position INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  length INTEGER NOT NULL,
  replication INTEGER NOT NULL);
CREATE INDEX block_inode ON block(inode, position);
CREATE TABLE removed(id INTEGER PRIMARY KEY, inode INTEGER NOT NULL, kind INTEGER NOT NULL);
CREATE TABLE client(
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  replies BLOB NOT NULL,
  PRIMARY KEY(high, low)) WITHOUT ROWID;
CREATE TABLE node_admin(
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  admin INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY(high, low)) WITHOUT ROWID;
INSERT INTO state VALUES(1, 0, 0, 2, 1, 0, 1, 0, 0);
INSERT INTO name VALUES(0, ''), (1, 'root'), (2, 'supergroup'), (3, 'none');
INSERT INTO dentry(parent, name, inode, kind, permission, owner, "group", modified_ms, children)
  VALUES(0, '', 1, 1, 493, 1, 2, 0, 0);
)sql";

// A file of two blocks and a client's kept replies.
constexpr char kContentOf1[] = R"sql(
INSERT INTO name VALUES(4, 'ann');
INSERT INTO dentry VALUES(1, 'f', 2, 2, 420, 4, 2, 77, NULL, 150, NULL, 100, 2, 3);
INSERT INTO block VALUES(5, 2, 0, 1, 100, 2), (6, 2, 1, 1, 50, 2);
UPDATE dentry SET children = 1 WHERE inode = 1;
UPDATE state SET applied = 9, clock_ms = 5000, next_inode = 3, next_block = 100, files = 1,
  blocks = 2, bytes = 150;
)sql";

void make_version_1(const std::string& path) {
  Database database = must(Database::open(path, Database::Mode::kCreate));
  must(database.execute("PRAGMA page_size=2048;PRAGMA journal_mode=WAL"));
  must(database.execute(kSchemaOf1));
  must(database.execute(kContentOf1));
  must(database.execute("PRAGMA application_id=0x6D64666E;PRAGMA user_version=1"));
}

std::int64_t version_of(const std::string& path) {
  Database database = must(Database::open(path, Database::Mode::kReadOnly));
  return must(database.integer("PRAGMA user_version"));
}

TEST_CASE("A namespace of version 1 goes on in this version") {
  const NamespaceDirectory directory;
  make_version_1(directory.file());
  TestNamespace ns(directory.file());
  CHECK(version_of(directory.file()) == kNamespaceVersion);
  CHECK(must(ns.reader().cluster_ms()) == 5000);  // Clients were forgotten by the times of files.
  CHECK(ns.store().applied() == 9);
  const FileBlocks file = must(ns.reader().file_blocks("/f"));
  CHECK(file.status.owner == "ann");
  CHECK(file.blocks == std::vector<Block>{{BlockId{5}, 1, 100}, {BlockId{6}, 1, 50}});
  CHECK(must(ns.reader().epoch()) == metadata::Epoch{});

  // Old blocks are committed as before, new ones come from marks.
  CHECK(ns.run(metadata::BeginLeadership{1, LifeId{8, 9}, 1, 44}).ok());
  CHECK(ns.run(TestNamespace::create("/old", {{BlockId{99}, 1, 10}})).ok());
  CHECK(ns.run(TestNamespace::create("/new", {{first_of(44), 1, 10}})).ok());
  CHECK(ns.run(metadata::RetireBlockIds{{{BlockId{7}, 20}}}).value == 20);
  ns.reopen();
  CHECK(must(ns.reader().epoch()) == metadata::Epoch{LifeId{8, 9}, 1});
  CHECK(must(ns.reader().uses_mark(44)));
  CHECK(ns.run(TestNamespace::create("/late", {{BlockId{26}, 1, 10}})).code ==
        static_cast<std::uint8_t>(Errc::kExpired));
}

// What version 2 added, as commit 7153b06 wrote it.
constexpr char kSchemaOf2[] = R"sql(
ALTER TABLE state ADD COLUMN life_high INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN life_low INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN leadership INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN cluster_ms INTEGER NOT NULL DEFAULT 0;
CREATE TABLE leadership(mark INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE retired(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
INSERT INTO leadership VALUES(44, 7);
UPDATE state SET life_high = 8, life_low = 9, leadership = 7;
PRAGMA user_version=2;
)sql";

TEST_CASE("A namespace of version 2 goes on in this version, with its clients") {
  const NamespaceDirectory directory;
  make_version_1(directory.file());
  const metadata::Change change =
      metadata::MakeDirectory{{ClientId{~0ULL, 3}, 1, 0}, 1, "/d", false, 0755, "ann", ""};
  {
    Database database = must(Database::open(directory.file(), Database::Mode::kReadWrite));
    must(database.execute(kSchemaOf2));
    // A client that has no reply left.
    must(database.execute("INSERT INTO client VALUES(-1, 3, 5000, x'000000000000000000000000')"));
  }
  TestNamespace ns(directory.file());
  CHECK(version_of(directory.file()) == kNamespaceVersion);
  CHECK(must(ns.reader().epoch()) == metadata::Epoch{LifeId{8, 9}, 7});
  CHECK(must(ns.reader().cluster_ms()) == 5000);
  const auto made = ns.run(change, 5001);
  CHECK(made.ok());
  CHECK(ns.run(change, 5002).value == made.value);
  // When leadership 7 began is not known: what it may have told is bounded by the next one.
  const auto last = ns.store().applied();
  ns.run(metadata::BeginLeadership{1, {}, 8, 45});
  const auto history = must(ns.reader().history());
  CHECK(history.facts({LifeId{8, 9}, 7}, ns.store().applied()).change == last);
}

TEST_CASE("A namespace of version 3 goes on in this version") {
  const NamespaceDirectory directory;
  {
    TestNamespace ns(directory.file());
    ns.run(metadata::ReserveBlockIds{10});
    CHECK(ns.run(TestNamespace::create("/f", {{BlockId{1}, 1, 10}})).ok());
  }
  {
    Database database = must(Database::open(directory.file(), Database::Mode::kReadWrite));
    must(database.execute("DROP TABLE retargeted; DROP TABLE run; PRAGMA user_version=3"));
  }
  TestNamespace ns(directory.file());
  CHECK(version_of(directory.file()) == kNamespaceVersion);
  CHECK(must(ns.reader().file_blocks("/f")).blocks.size() == 1);
  CHECK(ns.run(metadata::SetReplication{{}, 1, "/f", 2}).ok());
}

TEST_CASE("A namespace of version 4 goes on in this version, and its files grow") {
  const NamespaceDirectory directory;
  {
    TestNamespace ns(directory.file());
    ns.run(metadata::ReserveBlockIds{10});
    CHECK(ns.run(TestNamespace::create("/f", {{BlockId{1}, 1, 10}})).ok());
  }
  {
    Database database = must(Database::open(directory.file(), Database::Mode::kReadWrite));
    must(database.execute("DROP TABLE run; PRAGMA user_version=4"));
  }
  TestNamespace ns(directory.file());
  CHECK(version_of(directory.file()) == kNamespaceVersion);
  const auto file = must(ns.reader().stat("/f"));
  const Block added{BlockId{2}, 1, 7};
  CHECK(ns.run(metadata::AppendBlocks{{}, 1, "/f", file.id, 10, {added}}).ok());
  CHECK(must(ns.reader().file_blocks("/f", 10)).blocks == std::vector{added});
}

TEST_CASE("A version 1 that finds no room for this version stays as it was") {
  const NamespaceDirectory directory;
  make_version_1(directory.file());
  {
    const test::FileSizeLimit limit(1024);
    CHECK_FALSE(NamespaceStore::open(directory.file()).ok());
  }
  CHECK(version_of(directory.file()) == 1);
  TestNamespace ns(directory.file());
  CHECK(ns.store().applied() == 9);
}

}  // namespace
}  // namespace minidfs::storage
