#include "storage/namespace/namespace_digest.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace minidfs::storage {
namespace {

// What the checksum is taken of at a time.
constexpr std::size_t kFoldBytes = 64 << 10;
constexpr int kCacheKib = 1024;

struct Columns {
  std::vector<std::string> all;   // Ascending by name: a table that was upgraded has another order.
  std::vector<std::string> keys;  // In the order of the primary key.
};

std::string quoted(const std::string& name) { return '"' + name + '"'; }

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + quoted(name);
  return list;
}

Result<Columns> columns_of(Database& database, const std::string& table) {
  MDFS_TRY(auto info, database.prepare("PRAGMA table_info(" + quoted(table) + ")"));
  Columns columns;
  std::vector<std::pair<std::int64_t, std::string>> keys;
  for (;;) {
    MDFS_TRY(const bool row, info.step());
    if (!row) break;
    columns.all.emplace_back(info.bytes(1));
    if (info.integer(5) > 0) keys.emplace_back(info.integer(5), info.bytes(1));
  }
  std::sort(columns.all.begin(), columns.all.end());
  std::sort(keys.begin(), keys.end());
  for (auto& [place, name] : keys) columns.keys.push_back(std::move(name));
  return columns;
}

// A table that members of the version before have not counts when there is something in it: then
// they cannot be compared.
Result<std::vector<std::string>> tables_of(Database& database) {
  MDFS_TRY(auto select,
           database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                            "'sqlite_%' AND (name <> 'run' OR EXISTS(SELECT 1 FROM run)) "
                            "ORDER BY name"));
  std::vector<std::string> tables;
  for (;;) {
    MDFS_TRY(const bool row, select.step());
    if (!row) return tables;
    tables.emplace_back(select.bytes(0));
  }
}

}  // namespace

Result<std::unique_ptr<NamespaceDigest>> NamespaceDigest::begin(const std::string& path) {
  std::unique_ptr<NamespaceDigest> digest(new NamespaceDigest);
  MDFS_TRY(digest->database_, Database::open(path, Database::Mode::kReadOnly));
  const auto cache = "PRAGMA cache_size=-" + std::to_string(kCacheKib);
  MDFS_CHECK(digest->database_.execute(cache.c_str()));
  MDFS_CHECK(digest->database_.execute("BEGIN"));
  // The first read is what fixes the state.
  MDFS_TRY(const auto applied, digest->database_.integer("SELECT applied FROM state WHERE id = 1"));
  digest->number_ = static_cast<std::uint64_t>(applied);
  return digest;
}

Result<Checksum> NamespaceDigest::compute(const std::atomic<bool>& cancelled) {
  MDFS_TRY(const auto tables, tables_of(database_));
  for (const auto& table : tables) MDFS_CHECK(add_table(table, cancelled));
  fold();
  MDFS_CHECK(database_.execute("COMMIT"));
  return sum_;
}

Status NamespaceDigest::add_table(const std::string& table, const std::atomic<bool>& cancelled) {
  MDFS_TRY(const auto columns, columns_of(database_, table));
  MDFS_TRY(auto select, database_.prepare("SELECT " + list_of(columns.all) + " FROM " +
                                          quoted(table) + " ORDER BY " + list_of(columns.keys)));
  add(table);
  for (const auto& name : columns.all) add(name);
  const auto count = static_cast<int>(columns.all.size());
  for (;;) {
    if (cancelled) return Error{Errc::kCancelled, database_.path() + ": the digest was given up"};
    MDFS_TRY(const bool row, select.step());
    if (!row) return {};
    // Integers as SQLite writes them: each value has one text, and NULL is none of them.
    for (int column = 0; column < count; ++column) {
      if (select.is_null(column)) {
        add_number(~std::uint64_t{0});
      } else {
        add(select.bytes(column));
      }
    }
  }
}

void NamespaceDigest::add(std::string_view bytes) {
  add_number(bytes.size());
  buffer_ += bytes;
  if (buffer_.size() >= kFoldBytes) fold();
}

void NamespaceDigest::add_number(std::uint64_t value) {
  buffer_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void NamespaceDigest::fold() {
  buffer_.append(reinterpret_cast<const char*>(&sum_), sizeof(sum_));
  sum_ = checksum(std::string_view(buffer_));
  buffer_.clear();
}

}  // namespace minidfs::storage
