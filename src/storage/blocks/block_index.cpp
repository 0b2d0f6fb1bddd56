#include "storage/blocks/block_index.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <utility>

#include "storage/sqlite.hpp"

namespace minidfs::storage {

namespace {

constexpr int kUserVersion = 1;

// Tables as they enter the digest of a row. Do not renumber.
enum class Table : std::uint64_t { kPack = 0, kPacked = 1, kLarge = 2 };

constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value);
CREATE TABLE pack(number INTEGER PRIMARY KEY, indexed_end);
CREATE TABLE packed(pack, place, block, generation, length, stored, PRIMARY KEY(pack, place))
  WITHOUT ROWID;
CREATE TABLE large(block INTEGER PRIMARY KEY, generation, length, stored);
PRAGMA user_version = 1;
)sql";

using Integers = std::initializer_list<std::uint64_t>;

Checksum row_digest(Table table, Integers columns) {
  std::uint64_t values[8] = {static_cast<std::uint64_t>(table)};
  std::size_t count = 1;
  for (const std::uint64_t column : columns) values[count++] = column;
  return checksum(std::as_bytes(std::span(values, count)));
}

Checksum packed_digest(std::uint32_t pack, std::uint64_t place, const ReplicaInfo& info) {
  return row_digest(Table::kPacked, {pack, place, info.block.value, info.generation, info.length,
                                     info.stored_bytes});
}

Checksum large_digest(const ReplicaInfo& info) {
  return row_digest(Table::kLarge,
                    {info.block.value, info.generation, info.length, info.stored_bytes});
}

ReplicaInfo info_columns(const Statement& row, int first) {
  return {BlockId{row.unsigned_integer(first)}, row.unsigned_integer(first + 1),
          row.unsigned_integer(first + 2), row.unsigned_integer(first + 3)};
}

// Whatever SQLite objects to beyond a disk that fails or is full means that the file is not what
// was written: it can be rebuilt.
Error as_damage(Error error) {
  if (error.code != Errc::kNoSpace && error.code != Errc::kIoError) error.code = Errc::kCorrupt;
  return error;
}

Status as_damage(Status status) {
  if (status.ok()) return status;
  return as_damage(std::move(status).error());
}

}  // namespace

struct BlockIndex::State {
  DiskId disk;
  Database database;
  // Closed before the database.
  Statement put_packed, remove_packed, put_large, remove_large, put_pack, pack_end, drop_pack,
      put_meta, gap_before, gap_after;

  // As committed.
  std::uint64_t count = 0;
  Checksum digest = 0;

  Error mismatch(const std::string& what) const {
    return {Errc::kCorrupt, database.path() + ": " + what};
  }

  // Runs a statement that changes exactly one row.
  Status change_one(Statement& statement, Integers values) {
    int index = 0;
    for (const std::uint64_t value : values) statement.bind(++index, value);
    MDFS_CHECK(statement.run());
    if (database.changes() != 1) return mismatch("lacks a row that it should have");
    return {};
  }

  Status each_row(const char* sql, const std::function<void(const Statement&)>& visit) {
    MDFS_TRY(Statement statement, database.prepare(sql));
    for (;;) {
      MDFS_TRY(const bool row, statement.step());
      if (!row) return {};
      visit(statement);
    }
  }

  Status set_up();
  Status prepare_all();
  Status write_meta();
  Status apply_one(const IndexChange& change);
  Status load(const IndexVisitor& visitor);
  Status apply(std::span<const IndexChange> changes);
  // Up to where the pack is indexed; nothing when the index does not know it.
  Result<std::optional<std::uint64_t>> pack_end_of(std::uint32_t pack);
  Result<PackGap> gap_around(std::uint32_t pack, std::uint64_t place);
};

Status BlockIndex::State::set_up() {
  // The directory's lock keeps other processes out, so the log's index need not be shared.
  MDFS_CHECK(
      database.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; "
                       "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=2000; "
                       "PRAGMA cache_size=-2048;"));
  MDFS_TRY(const auto version, database.integer("PRAGMA user_version"));
  MDFS_TRY(const auto table_count, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (version == 0 && table_count == 0) {
    MDFS_CHECK(database.execute("BEGIN IMMEDIATE"));
    MDFS_CHECK(database.execute(kSchema));
    const std::string set_disk =
        "INSERT INTO meta VALUES('disk', '" + to_string(disk) + "'), ('count', 0), ('digest', 0)";
    MDFS_CHECK(database.execute(set_disk.c_str()));
    MDFS_CHECK(database.execute("COMMIT"));
  } else if (version != kUserVersion) {
    return mismatch("has version " + std::to_string(version) + " instead of " +
                    std::to_string(kUserVersion));
  }
  return prepare_all();
}

Status BlockIndex::State::prepare_all() {
  MDFS_TRY(put_packed, database.prepare("INSERT INTO packed VALUES(?, ?, ?, ?, ?, ?)"));
  MDFS_TRY(remove_packed, database.prepare("DELETE FROM packed WHERE pack = ? AND place = ?"));
  MDFS_TRY(put_large, database.prepare("INSERT INTO large VALUES(?, ?, ?, ?)"));
  MDFS_TRY(remove_large, database.prepare("DELETE FROM large WHERE block = ? AND generation = ?"));
  MDFS_TRY(put_pack, database.prepare("INSERT OR REPLACE INTO pack VALUES(?, ?)"));
  MDFS_TRY(pack_end, database.prepare("SELECT indexed_end FROM pack WHERE number = ?"));
  MDFS_TRY(drop_pack, database.prepare("DELETE FROM pack WHERE number = ?"));
  MDFS_TRY(put_meta, database.prepare("UPDATE meta SET value = ?2 WHERE key = ?1"));
  MDFS_TRY(gap_before,
           database.prepare("SELECT place, block, generation, length, stored FROM packed "
                            "WHERE pack = ? AND place < ? ORDER BY place DESC LIMIT 1"));
  MDFS_TRY(gap_after, database.prepare("SELECT place FROM packed WHERE pack = ? AND place >= ? "
                                       "ORDER BY place LIMIT 1"));
  return {};
}

Result<std::optional<std::uint64_t>> BlockIndex::State::pack_end_of(std::uint32_t pack) {
  const StatementScope scope(pack_end.bind_all(pack));
  MDFS_TRY(const bool row, pack_end.step());
  return row ? std::optional(pack_end.unsigned_integer(0)) : std::nullopt;
}

Status BlockIndex::State::apply_one(const IndexChange& change) {
  const ReplicaInfo& info = change.info;
  const std::uint64_t block = info.block.value;
  switch (change.kind) {
    case IndexChange::Kind::kPutPacked:
      ++count;
      digest ^= packed_digest(change.pack, change.place, info);
      return change_one(put_packed, {change.pack, change.place, block, info.generation, info.length,
                                     info.stored_bytes});
    case IndexChange::Kind::kRemovePacked:
      --count;
      digest ^= packed_digest(change.pack, change.place, info);
      return change_one(remove_packed, {change.pack, change.place});
    case IndexChange::Kind::kPutLarge:
      ++count;
      digest ^= large_digest(info);
      return change_one(put_large, {block, info.generation, info.length, info.stored_bytes});
    case IndexChange::Kind::kRemoveLarge:
      --count;
      digest ^= large_digest(info);
      return change_one(remove_large, {block, info.generation});
    case IndexChange::Kind::kPackEnd:
    case IndexChange::Kind::kDropPack:
      break;
  }
  MDFS_TRY(const auto old_end, pack_end_of(change.pack));
  if (old_end) {
    --count;
    digest ^= row_digest(Table::kPack, {change.pack, *old_end});
  }
  if (change.kind == IndexChange::Kind::kDropPack) return change_one(drop_pack, {change.pack});
  ++count;
  digest ^= row_digest(Table::kPack, {change.pack, change.place});
  return change_one(put_pack, {change.pack, change.place});
}

Status BlockIndex::State::write_meta() {
  for (const auto& [key, value] : {std::pair{"count", count}, std::pair{"digest", digest}}) {
    put_meta.bind_text(1, key);
    put_meta.bind(2, value);
    MDFS_CHECK(put_meta.run());
    if (database.changes() != 1) return mismatch("lacks its count or digest");
  }
  return {};
}

BlockIndex::BlockIndex(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlockIndex::~BlockIndex() = default;

Result<std::unique_ptr<BlockIndex>> BlockIndex::open(const std::string& path, DiskId disk) {
  auto state = std::make_unique<State>();
  state->disk = disk;
  auto database = Database::open(path, Database::Mode::kCreate);
  if (!database.ok()) return as_damage(std::move(database).error());
  state->database = std::move(*database);
  MDFS_CHECK(as_damage(state->set_up()));
  return std::unique_ptr<BlockIndex>(new BlockIndex(std::move(state)));
}

Status BlockIndex::State::load(const IndexVisitor& visitor) {
  std::uint64_t stored_count = 0;
  Checksum stored_digest = 0;
  bool right_disk = false;
  MDFS_CHECK(each_row("SELECT key, value FROM meta", [&](const Statement& row) {
    const std::string_view key = row.bytes(0);
    if (key == "count") stored_count = row.unsigned_integer(1);
    if (key == "digest") stored_digest = row.unsigned_integer(1);
    if (key == "disk") right_disk = to_string(disk) == row.bytes(1);
  }));
  if (!right_disk) return mismatch("is not the index of disk " + to_string(disk));

  count = 0;
  digest = 0;
  const auto take = [this](Checksum row) {
    ++count;
    digest ^= row;
  };
  MDFS_CHECK(each_row("SELECT number, indexed_end FROM pack", [&](const Statement& row) {
    const auto pack = row.unsigned_integer(0);
    const auto end = row.unsigned_integer(1);
    take(row_digest(Table::kPack, {pack, end}));
    visitor.pack(static_cast<std::uint32_t>(pack), end);
  }));
  MDFS_CHECK(each_row("SELECT pack, place, block, generation, length, stored FROM packed",
                      [&](const Statement& row) {
                        const auto pack = static_cast<std::uint32_t>(row.unsigned_integer(0));
                        const auto place = row.unsigned_integer(1);
                        const ReplicaInfo info = info_columns(row, 2);
                        take(packed_digest(pack, place, info));
                        visitor.packed(pack, place, info);
                      }));
  MDFS_CHECK(
      each_row("SELECT block, generation, length, stored FROM large", [&](const Statement& row) {
        const ReplicaInfo info = info_columns(row, 0);
        take(large_digest(info));
        visitor.large(info);
      }));
  if (count != stored_count || digest != stored_digest) {
    return mismatch("its " + std::to_string(count) + " rows are not the " +
                    std::to_string(stored_count) + " that were written");
  }
  return {};
}

Status BlockIndex::load(const IndexVisitor& visitor) { return as_damage(state_->load(visitor)); }

Status BlockIndex::verify() {
  const std::uint64_t count = state_->count;
  const Checksum digest = state_->digest;
  // What is in memory already says nothing about the file.
  MDFS_CHECK(as_damage(state_->database.execute("PRAGMA shrink_memory")));
  const IndexVisitor nothing{[](std::uint32_t, std::uint64_t) {},
                             [](std::uint32_t, std::uint64_t, const ReplicaInfo&) {},
                             [](const ReplicaInfo&) {}};
  MDFS_CHECK(load(nothing));
  if (state_->count == count && state_->digest == digest) return {};
  return state_->mismatch("holds " + std::to_string(state_->count) + " rows of an older state " +
                          "instead of " + std::to_string(count));
}

Status BlockIndex::State::apply(std::span<const IndexChange> changes) {
  MDFS_CHECK(database.execute("BEGIN IMMEDIATE"));
  for (const IndexChange& change : changes) MDFS_CHECK(apply_one(change));
  MDFS_CHECK(write_meta());
  return database.execute("COMMIT");
}

Status BlockIndex::apply(std::span<const IndexChange> changes) {
  State& state = *state_;
  const std::uint64_t old_count = state.count;
  const Checksum old_digest = state.digest;
  Status status = state.apply(changes);
  if (status.ok()) return status;
  state.count = old_count;
  state.digest = old_digest;
  // SQLite may have rolled back by itself. A failure here shows at the next BEGIN.
  if (state.database.in_transaction()) (void)state.database.execute("ROLLBACK");
  return as_damage(std::move(status));
}

Status BlockIndex::checkpoint() {
  return as_damage(state_->database.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
}

Result<PackGap> BlockIndex::State::gap_around(std::uint32_t pack, std::uint64_t place) {
  MDFS_TRY(const auto limit, pack_end_of(pack));
  if (!limit) return PackGap{};
  PackGap gap{0, *limit};
  const StatementScope before(gap_before.bind_all(pack, place));
  MDFS_TRY(const bool has_before, gap_before.step());
  if (has_before) {
    gap.begin = gap_before.unsigned_integer(0) + packed_bytes(info_columns(gap_before, 1));
  }
  const StatementScope after(gap_after.bind_all(pack, place));
  MDFS_TRY(const bool has_after, gap_after.step());
  if (has_after) gap.end = std::min(*limit, gap_after.unsigned_integer(0));
  return gap;
}

Result<PackGap> BlockIndex::gap_around(std::uint32_t pack, std::uint64_t place) {
  auto gap = state_->gap_around(pack, place);
  if (!gap.ok()) return as_damage(std::move(gap).error());
  return gap;
}

Result<std::string> set_index_aside(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (int i = 1;; ++i) {
    const std::string target = path + ".damaged-" + std::to_string(i);
    if (fs::exists(target, error) || fs::exists(target + "-wal", error)) continue;
    for (const char* suffix : {"-wal", ""}) {
      const std::string from = path + suffix;
      if (!fs::exists(from, error)) continue;
      if (std::rename(from.c_str(), (target + suffix).c_str()) != 0) {
        return errno_error(errno, from);
      }
    }
    fs::remove(path + "-shm", error);
    return target;
  }
}

}  // namespace minidfs::storage
