#include "storage/block_index.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <initializer_list>

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

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Checksum row_digest(Table table, std::initializer_list<std::uint64_t> columns) {
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

std::uint64_t column(sqlite3_stmt* statement, int index) {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement, index));
}

ReplicaInfo info_columns(sqlite3_stmt* statement, int first) {
  return {BlockId{column(statement, first)}, column(statement, first + 1),
          column(statement, first + 2), column(statement, first + 3)};
}

}  // namespace

struct BlockIndex::State {
  std::string path;
  DiskId disk;
  std::unique_ptr<sqlite3, CloseDatabase> database;
  // Closed before the database.
  Statement put_packed, remove_packed, put_large, remove_large, put_pack, pack_end, drop_pack,
      put_meta, gap_before, gap_after;

  // As committed.
  std::uint64_t count = 0;
  Checksum digest = 0;

  Error failure(int code) const {
    Errc errc = Errc::kCorrupt;
    if ((code & 0xFF) == SQLITE_FULL) errc = Errc::kNoSpace;
    if ((code & 0xFF) == SQLITE_IOERR) errc = Errc::kIoError;
    return {errc, path + ": SQLite says: " + sqlite3_errmsg(database.get())};
  }
  Error mismatch(const std::string& what) const { return {Errc::kCorrupt, path + ": " + what}; }

  Status execute(const char* sql) {
    const int code = sqlite3_exec(database.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return failure(code);
    return {};
  }

  Status prepare(Statement& statement, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v3(database.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return failure(code);
    statement.reset(raw);
    return {};
  }

  void bind(const Statement& statement, std::initializer_list<std::uint64_t> values) {
    int index = 0;
    for (const std::uint64_t value : values) {
      sqlite3_bind_int64(statement.get(), ++index, static_cast<sqlite3_int64>(value));
    }
  }

  // Runs a statement that changes exactly one row.
  Status change_one(const Statement& statement, std::initializer_list<std::uint64_t> values) {
    bind(statement, values);
    const int code = sqlite3_step(statement.get());
    sqlite3_reset(statement.get());
    if (code != SQLITE_DONE) return failure(code);
    if (sqlite3_changes(database.get()) != 1) return mismatch("lacks a row that it should have");
    return {};
  }

  Status each_row(const char* sql, const std::function<void(sqlite3_stmt*)>& visit) {
    Statement statement;
    MDFS_CHECK(prepare(statement, sql));
    for (;;) {
      const int code = sqlite3_step(statement.get());
      if (code == SQLITE_DONE) return {};
      if (code != SQLITE_ROW) return failure(code);
      visit(statement.get());
    }
  }

  Status set_up();
  Status prepare_all();
  Status write_meta();
  Status apply_one(const IndexChange& change);
  Result<std::uint64_t> pack_end_of(std::uint32_t pack);
};

Status BlockIndex::State::set_up() {
  // The directory's lock keeps other processes out, so the log's index need not be shared.
  MDFS_CHECK(
      execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; "
              "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=2000; "
              "PRAGMA cache_size=-2048;"));
  std::uint64_t version = 0;
  std::uint64_t table_count = 0;
  MDFS_CHECK(each_row("PRAGMA user_version",
                      [&](sqlite3_stmt* statement) { version = column(statement, 0); }));
  MDFS_CHECK(each_row("SELECT count(*) FROM sqlite_schema",
                      [&](sqlite3_stmt* statement) { table_count = column(statement, 0); }));
  if (version == 0 && table_count == 0) {
    MDFS_CHECK(execute("BEGIN IMMEDIATE"));
    MDFS_CHECK(execute(kSchema));
    const std::string set_disk =
        "INSERT INTO meta VALUES('disk', '" + to_string(disk) + "'), ('count', 0), ('digest', 0)";
    MDFS_CHECK(execute(set_disk.c_str()));
    MDFS_CHECK(execute("COMMIT"));
  } else if (version != kUserVersion) {
    return mismatch("has version " + std::to_string(version) + " instead of " +
                    std::to_string(kUserVersion));
  }
  return prepare_all();
}

Status BlockIndex::State::prepare_all() {
  MDFS_CHECK(prepare(put_packed, "INSERT INTO packed VALUES(?, ?, ?, ?, ?, ?)"));
  MDFS_CHECK(prepare(remove_packed, "DELETE FROM packed WHERE pack = ? AND place = ?"));
  MDFS_CHECK(prepare(put_large, "INSERT INTO large VALUES(?, ?, ?, ?)"));
  MDFS_CHECK(prepare(remove_large, "DELETE FROM large WHERE block = ? AND generation = ?"));
  MDFS_CHECK(prepare(put_pack, "INSERT OR REPLACE INTO pack VALUES(?, ?)"));
  MDFS_CHECK(prepare(pack_end, "SELECT indexed_end FROM pack WHERE number = ?"));
  MDFS_CHECK(prepare(drop_pack, "DELETE FROM pack WHERE number = ?"));
  MDFS_CHECK(prepare(put_meta, "UPDATE meta SET value = ?2 WHERE key = ?1"));
  MDFS_CHECK(prepare(gap_before,
                     "SELECT place, block, generation, length, stored FROM packed "
                     "WHERE pack = ? AND place < ? ORDER BY place DESC LIMIT 1"));
  return prepare(gap_after,
                 "SELECT place FROM packed WHERE pack = ? AND place >= ? ORDER BY place LIMIT 1");
}

Result<std::uint64_t> BlockIndex::State::pack_end_of(std::uint32_t pack) {
  bind(pack_end, {pack});
  const int code = sqlite3_step(pack_end.get());
  const std::uint64_t end = code == SQLITE_ROW ? column(pack_end.get(), 0) : 0;
  sqlite3_reset(pack_end.get());
  if (code == SQLITE_DONE) return Error{Errc::kNotFound, "pack"};
  if (code != SQLITE_ROW) return failure(code);
  return end;
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
  const auto old_end = pack_end_of(change.pack);
  if (!old_end && old_end.error().code != Errc::kNotFound) return old_end.error();
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
    sqlite3_bind_text(put_meta.get(), 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(put_meta.get(), 2, static_cast<sqlite3_int64>(value));
    const int code = sqlite3_step(put_meta.get());
    sqlite3_reset(put_meta.get());
    if (code != SQLITE_DONE) return failure(code);
    if (sqlite3_changes(database.get()) != 1) return mismatch("lacks its count or digest");
  }
  return {};
}

BlockIndex::BlockIndex(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlockIndex::~BlockIndex() = default;

Result<std::unique_ptr<BlockIndex>> BlockIndex::open(const std::string& path, DiskId disk) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->disk = disk;
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  state->database.reset(raw);
  if (code != SQLITE_OK) return state->failure(code);
  MDFS_CHECK(state->set_up());
  return std::unique_ptr<BlockIndex>(new BlockIndex(std::move(state)));
}

Status BlockIndex::load(const IndexVisitor& visitor) {
  State& state = *state_;
  std::uint64_t stored_count = 0;
  Checksum stored_digest = 0;
  bool right_disk = false;
  MDFS_CHECK(state.each_row("SELECT key, value FROM meta", [&](sqlite3_stmt* row) {
    const auto* key_text = reinterpret_cast<const char*>(sqlite3_column_text(row, 0));
    const std::string_view key = key_text != nullptr ? key_text : "";
    if (key == "count") stored_count = column(row, 1);
    if (key == "digest") stored_digest = column(row, 1);
    if (key == "disk") {
      const auto* id = reinterpret_cast<const char*>(sqlite3_column_text(row, 1));
      right_disk = id != nullptr && to_string(state.disk) == id;
    }
  }));
  if (!right_disk) return state.mismatch("is not the index of disk " + to_string(state.disk));

  state.count = 0;
  state.digest = 0;
  const auto take = [&state](Checksum row) {
    ++state.count;
    state.digest ^= row;
  };
  MDFS_CHECK(state.each_row("SELECT number, indexed_end FROM pack", [&](sqlite3_stmt* row) {
    take(row_digest(Table::kPack, {column(row, 0), column(row, 1)}));
    visitor.pack(static_cast<std::uint32_t>(column(row, 0)), column(row, 1));
  }));
  MDFS_CHECK(state.each_row("SELECT pack, place, block, generation, length, stored FROM packed",
                            [&](sqlite3_stmt* row) {
                              const auto pack = static_cast<std::uint32_t>(column(row, 0));
                              const ReplicaInfo info = info_columns(row, 2);
                              take(packed_digest(pack, column(row, 1), info));
                              visitor.packed(pack, column(row, 1), info);
                            }));
  MDFS_CHECK(
      state.each_row("SELECT block, generation, length, stored FROM large", [&](sqlite3_stmt* row) {
        const ReplicaInfo info = info_columns(row, 0);
        take(large_digest(info));
        visitor.large(info);
      }));
  if (state.count != stored_count || state.digest != stored_digest) {
    return state.mismatch("its " + std::to_string(state.count) + " rows are not the " +
                          std::to_string(stored_count) + " that were written");
  }
  return {};
}

Status BlockIndex::verify() {
  const std::uint64_t count = state_->count;
  const Checksum digest = state_->digest;
  // What is in memory already says nothing about the file.
  MDFS_CHECK(state_->execute("PRAGMA shrink_memory"));
  const IndexVisitor nothing{[](std::uint32_t, std::uint64_t) {},
                             [](std::uint32_t, std::uint64_t, const ReplicaInfo&) {},
                             [](const ReplicaInfo&) {}};
  MDFS_CHECK(load(nothing));
  if (state_->count == count && state_->digest == digest) return {};
  return state_->mismatch("holds " + std::to_string(state_->count) + " rows of an older state " +
                          "instead of " + std::to_string(count));
}

Status BlockIndex::apply(std::span<const IndexChange> changes) {
  State& state = *state_;
  const std::uint64_t old_count = state.count;
  const Checksum old_digest = state.digest;
  const auto run = [&]() -> Status {
    MDFS_CHECK(state.execute("BEGIN IMMEDIATE"));
    for (const IndexChange& change : changes) MDFS_CHECK(state.apply_one(change));
    MDFS_CHECK(state.write_meta());
    return state.execute("COMMIT");
  };
  Status status = run();
  if (!status.ok()) {
    state.count = old_count;
    state.digest = old_digest;
    // Fails when SQLite has rolled back by itself.
    sqlite3_exec(state.database.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return status;
}

Status BlockIndex::checkpoint() { return state_->execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

Result<PackGap> BlockIndex::gap_around(std::uint32_t pack, std::uint64_t place) {
  State& state = *state_;
  const auto limit = state.pack_end_of(pack);
  if (!limit && limit.error().code == Errc::kNotFound) return PackGap{};
  if (!limit) return limit.error();
  PackGap gap{0, *limit};
  state.bind(state.gap_before, {pack, place});
  int code = sqlite3_step(state.gap_before.get());
  if (code == SQLITE_ROW) {
    gap.begin =
        column(state.gap_before.get(), 0) + packed_bytes(info_columns(state.gap_before.get(), 1));
  }
  sqlite3_reset(state.gap_before.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) return state.failure(code);
  state.bind(state.gap_after, {pack, place});
  code = sqlite3_step(state.gap_after.get());
  if (code == SQLITE_ROW) gap.end = std::min(*limit, column(state.gap_after.get(), 0));
  sqlite3_reset(state.gap_after.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) return state.failure(code);
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
