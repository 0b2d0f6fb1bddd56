#include "storage/namespace/namespace_schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

#include "base/file.hpp"

namespace minidfs::storage {
namespace {

constexpr char kMagic[] = "SQLite format 3";  // With its NUL the first 16 bytes of a database.
constexpr std::size_t kHeaderBytes = 100;
constexpr std::int64_t kCheckedBytesMax = 16 << 20;

// A batch of changes dirties few bytes on many pages, and each dirty page goes to the write-ahead
// log whole: half of SQLite's usual page size halves what commits write, at the same CPU time and
// size.
constexpr char kPageSize[] = "PRAGMA page_size=2048";
static_assert(kNamespacePageBytes == 2048);

constexpr char kSchema[] = R"sql(
CREATE TABLE state(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  applied INTEGER NOT NULL,
  clock_ms INTEGER NOT NULL,
  next_inode INTEGER NOT NULL,
  next_block INTEGER NOT NULL,
  files INTEGER NOT NULL,
  directories INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  life_high INTEGER NOT NULL DEFAULT 0,
  life_low INTEGER NOT NULL DEFAULT 0,
  leadership INTEGER NOT NULL DEFAULT 0,
  cluster_ms INTEGER NOT NULL DEFAULT 0,
  forgotten_ms INTEGER NOT NULL DEFAULT -1);
CREATE TABLE leadership(mark INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE retired(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE leadership_began(
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  number INTEGER NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY(high, low, number)) WITHOUT ROWID;
CREATE TABLE past_life(
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  leadership INTEGER NOT NULL,
  change INTEGER NOT NULL,
  given_up INTEGER NOT NULL,
  PRIMARY KEY(high, low)) WITHOUT ROWID;
CREATE TABLE given_up_mark(mark INTEGER PRIMARY KEY);
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
CREATE TABLE run(
  inode INTEGER NOT NULL,
  first_byte INTEGER NOT NULL,
  first_block INTEGER NOT NULL,
  block_size INTEGER NOT NULL,
  PRIMARY KEY(inode, first_byte)) WITHOUT ROWID;
CREATE TABLE removed(id INTEGER PRIMARY KEY, inode INTEGER NOT NULL, kind INTEGER NOT NULL);
CREATE TABLE retargeted(
  inode INTEGER PRIMARY KEY,
  replication INTEGER NOT NULL,
  position INTEGER NOT NULL);
CREATE TABLE staged(
  session INTEGER PRIMARY KEY,
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  block_size INTEGER NOT NULL,
  replication INTEGER NOT NULL);
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
INSERT INTO state(id, applied, clock_ms, next_inode, next_block, files, directories, blocks, bytes)
  VALUES(1, 0, 0, 2, 1, 0, 1, 0, 0);
INSERT INTO name VALUES(0, ''), (1, 'root'), (2, 'supergroup'), (3, 'none');
INSERT INTO dentry(parent, name, inode, kind, permission, owner, "group", modified_ms, children)
  VALUES(0, '', 1, 1, 493, 1, 2, 0, 0);
)sql";

// What version 2 has and version 1 has not. The columns come out in the order of kSchema.
constexpr char kUpgradeFrom1[] = R"sql(
BEGIN IMMEDIATE;
ALTER TABLE state ADD COLUMN life_high INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN life_low INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN leadership INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN cluster_ms INTEGER NOT NULL DEFAULT 0;
CREATE TABLE leadership(mark INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE retired(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
PRAGMA user_version=2;
COMMIT;
)sql";
// What version 3 has and version 2 has not. When the leadership began whose life goes on here is
// not known: the next one's beginning bounds it. Clients were forgotten by clock_ms, so the time
// that they are forgotten by goes on from there.
constexpr char kUpgradeFrom2[] = R"sql(
BEGIN IMMEDIATE;
ALTER TABLE state ADD COLUMN forgotten_ms INTEGER NOT NULL DEFAULT -1;
UPDATE state SET cluster_ms = max(cluster_ms, clock_ms);
CREATE TABLE staged(
  session INTEGER PRIMARY KEY,
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  block_size INTEGER NOT NULL,
  replication INTEGER NOT NULL);
CREATE TABLE leadership_began(
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  number INTEGER NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY(high, low, number)) WITHOUT ROWID;
CREATE TABLE past_life(
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  leadership INTEGER NOT NULL,
  change INTEGER NOT NULL,
  given_up INTEGER NOT NULL,
  PRIMARY KEY(high, low)) WITHOUT ROWID;
CREATE TABLE given_up_mark(mark INTEGER PRIMARY KEY);
PRAGMA user_version=3;
COMMIT;
)sql";
// What version 4 has and version 3 has not.
constexpr char kUpgradeFrom3[] = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE retargeted(
  inode INTEGER PRIMARY KEY,
  replication INTEGER NOT NULL,
  position INTEGER NOT NULL);
PRAGMA user_version=4;
COMMIT;
)sql";
// What version 5 has and version 4 has not. No file has blocks that it would be needed for.
constexpr char kUpgradeFrom4[] = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE run(
  inode INTEGER NOT NULL,
  first_byte INTEGER NOT NULL,
  first_block INTEGER NOT NULL,
  block_size INTEGER NOT NULL,
  PRIMARY KEY(inode, first_byte)) WITHOUT ROWID;
PRAGMA user_version=5;
COMMIT;
)sql";
// Tables and indexes of each version; those of check_version().
constexpr std::array<std::int64_t, 6> kTables{0, 9, 11, 15, 16, 17};

std::uint32_t big_endian_32(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
         std::uint32_t{bytes[2]} << 8U | std::uint32_t{bytes[3]};
}

bool has_content(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

// Looks at the file before SQLite does, which would take a strange file for an empty database or
// meet the end of a cut one much later.
Status check_file(const std::string& path) {
  if (!has_content(path)) return {};
  MDFS_TRY(const UniqueFd fd, open_file(path, O_RDONLY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return errno_error(errno, path + ": fstat");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  std::array<unsigned char, kHeaderBytes> header{};
  if (size < kHeaderBytes) {
    return damaged_namespace(path, "only " + std::to_string(size) + " bytes");
  }
  MDFS_CHECK(read_at(fd.get(), std::as_writable_bytes(std::span(header)), 0, path));
  if (std::memcmp(header.data(), kMagic, sizeof(kMagic)) != 0) {
    return damaged_namespace(path, "not an SQLite database");
  }
  const std::uint64_t page_bytes = std::uint64_t{header[16]} << 8U | header[17];
  const std::uint64_t pages = big_endian_32(&header[28]);
  // With a write-ahead log the newest pages may not have reached the file yet.
  if (!has_content(path + "-wal") && size < pages * page_bytes) {
    return damaged_namespace(path, std::to_string(size) + " bytes, but its header tells of " +
                                       std::to_string(pages * page_bytes));
  }
  return {};
}

Status check_version(Database& database) {
  const std::string& path = database.path();
  MDFS_TRY(const std::int64_t id, database.integer("PRAGMA application_id"));
  MDFS_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (id != kNamespaceApplicationId) {
    return damaged_namespace(
        path, "a database of another program (application id " + std::to_string(id) + ")");
  }
  if (version > kNamespaceVersion) {
    return Error{Errc::kUnsupported,
                 path + ": written by a newer minidfs (version " + std::to_string(version) +
                     " of the namespace, this one knows up to " +
                     std::to_string(kNamespaceVersion) + "); start that version instead"};
  }
  MDFS_TRY(
      const std::int64_t tables,
      database.integer("SELECT count(*) FROM sqlite_master WHERE name IN ('state', 'name', "
                       "'dentry', 'dentry_inode', 'block', 'block_inode', 'removed', "
                       "'client', 'node_admin', 'leadership', 'retired', 'staged', "
                       "'leadership_began', 'past_life', 'given_up_mark', 'retargeted', 'run')"));
  MDFS_TRY(const std::int64_t root,
           database.integer("SELECT count(*) FROM state, dentry WHERE state.id = 1 AND "
                            "dentry.parent = 0 AND dentry.name = '' AND dentry.inode = 1"));
  if (version < 1 || tables != kTables[static_cast<std::size_t>(version)] || root != 1) {
    return damaged_namespace(path, "its tables are not those of a namespace");
  }
  return {};
}

// What was overwritten or cut by a disk or a person would else be found by a request, or hide
// names. The page cache gives so much in a tenth of a second; a start must not take longer for it.
Status check_structure(Database& database) {
  MDFS_TRY(const std::int64_t pages, database.integer("PRAGMA page_count"));
  MDFS_TRY(const std::int64_t page_bytes, database.integer("PRAGMA page_size"));
  if (pages * page_bytes > kCheckedBytesMax) return {};
  MDFS_TRY(Statement check, database.prepare("PRAGMA integrity_check(1)"));
  MDFS_TRY(const bool row, check.step());
  const std::string found = row ? std::string(check.bytes(0)) : "no answer";
  if (found == "ok") return {};
  return damaged_namespace(database.path(), found);
}

Status format(Database& database) {
  MDFS_CHECK(database.execute("BEGIN IMMEDIATE"));
  MDFS_CHECK(database.execute(kSchema));
  const std::string marks = "PRAGMA application_id=" + std::to_string(kNamespaceApplicationId) +
                            ";PRAGMA user_version=" + std::to_string(kNamespaceVersion);
  MDFS_CHECK(database.execute(marks.c_str()));
  return database.execute("COMMIT");
}

Status set_cache(Database& database, std::uint32_t cache_kib) {
  const std::string pragma = "PRAGMA cache_size=-" + std::to_string(cache_kib);
  return database.execute(pragma.c_str());
}

Result<Database> prepare_writer(const std::string& path, std::uint32_t cache_kib) {
  MDFS_TRY(Database database, Database::open(path, Database::Mode::kCreate));
  MDFS_TRY(const std::int64_t objects, database.integer("SELECT count(*) FROM sqlite_master"));
  if (objects == 0) MDFS_CHECK(database.execute(kPageSize));
  if (objects != 0) {
    MDFS_CHECK(check_version(database));
    MDFS_CHECK(check_structure(database));
  }
  // Checkpoints are the store's own; SQLite's automatic ones would sync inside a commit.
  MDFS_CHECK(
      database.execute("PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                       "PRAGMA wal_autocheckpoint=0;PRAGMA temp_store=MEMORY"));
  MDFS_CHECK(set_cache(database, cache_kib));
  if (objects == 0) MDFS_CHECK(format(database));
  MDFS_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version <= 1) MDFS_CHECK(database.execute(kUpgradeFrom1));
  if (version <= 2) MDFS_CHECK(database.execute(kUpgradeFrom2));
  if (version <= 3) MDFS_CHECK(database.execute(kUpgradeFrom3));
  if (version <= 4) MDFS_CHECK(database.execute(kUpgradeFrom4));
  return database;
}

}  // namespace

Error damaged_namespace(const std::string& path, const std::string& why) {
  return {Errc::kCorrupt,
          path + ": damaged namespace database: " + why +
              "; nothing was changed. Restore the namenode's directory from a backup, or take it "
              "away and let it be copied from another namenode"};
}

Result<Database> open_namespace_writer(const std::string& path, std::uint32_t cache_kib) {
  MDFS_CHECK(check_file(path));
  auto database = prepare_writer(path, cache_kib);
  if (!database && database.error().code == Errc::kCorrupt &&
      database.error().message.find("damaged namespace") == std::string::npos) {
    return damaged_namespace(path, database.error().message);
  }
  return database;
}

Result<Database> open_namespace_reader(const std::string& path, std::uint32_t cache_kib) {
  MDFS_TRY(Database database, Database::open(path, Database::Mode::kReadOnly));
  MDFS_CHECK(set_cache(database, cache_kib));
  return database;
}

Result<Database> open_namespace_copy(const std::string& path, std::uint32_t cache_kib) {
  MDFS_CHECK(check_file(path));
  MDFS_TRY(Database database, open_namespace_reader(path, cache_kib));
  MDFS_CHECK(check_version(database));
  MDFS_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version != kNamespaceVersion) return damaged_namespace(path, "it is of an older version");
  MDFS_CHECK(check_structure(database));
  return database;
}

}  // namespace minidfs::storage
