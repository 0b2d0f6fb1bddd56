#include "storage/sqlite.hpp"

#include <sqlite3.h>

namespace minidfs::storage {
namespace {

Errc sqlite_code(int code) {
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::kCorrupt;
    case SQLITE_FULL:
      return Errc::kNoSpace;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::kInUse;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return Errc::kPermissionDenied;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return Errc::kIoError;
    case SQLITE_TOOBIG:
      return Errc::kTooLarge;
    default:
      return Errc::kInternal;
  }
}

// SQLite counts every allocation under a mutex that all connections share, unless told not to
// before its first use.
void configure_library() {
  static const int ignored = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(ignored);
}

Error error_of(sqlite3* handle, int code, std::string_view what) {
  const char* path = sqlite3_db_filename(handle, "main");
  return sqlite_error(code, std::string(path == nullptr ? "" : path) + ": " + std::string(what),
                      sqlite3_errmsg(handle));
}

}  // namespace

Error sqlite_error(int code, std::string_view what, std::string_view detail) {
  return {sqlite_code(code), std::string(what) + ": " + std::string(detail) + " (SQLite code " +
                                 std::to_string(code) + ")"};
}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(statement_);
    statement_ = std::exchange(other.statement_, nullptr);
  }
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

// Binding fails only for a wrong index or a wrong state, both a programmer's mistakes, or for a
// value above SQLite's limit of 1e9 bytes, which no caller comes near.
void Statement::bind(int index, std::int64_t value) {
  MDFS_ASSERT(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
}

void Statement::bind_text(int index, std::string_view value) {
  // A null pointer would bind NULL.
  const char* data = value.data() == nullptr ? "" : value.data();
  MDFS_ASSERT(sqlite3_bind_text(statement_, index, data, static_cast<int>(value.size()),
                                SQLITE_STATIC) == SQLITE_OK);
}

void Statement::bind_blob(int index, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  MDFS_ASSERT(sqlite3_bind_blob(statement_, index, data, static_cast<int>(value.size()),
                                SQLITE_STATIC) == SQLITE_OK);
}

void Statement::bind_null(int index) {
  MDFS_ASSERT(sqlite3_bind_null(statement_, index) == SQLITE_OK);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* handle = sqlite3_db_handle(statement_);
  const Error error = error_of(handle, sqlite3_extended_errcode(handle), sqlite3_sql(statement_));
  sqlite3_reset(statement_);
  return error;
}

Status Statement::run() {
  const StatementScope scope(*this);
  while (true) {
    MDFS_TRY(const bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() { sqlite3_reset(statement_); }

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int Statement::columns() const { return sqlite3_column_count(statement_); }

Result<Database> Database::open(const std::string& path, Mode mode) {
  return open(path, mode, nullptr);
}

Result<Database> Database::open_in(sqlite3_vfs& files, const std::string& path) {
  configure_library();
  const int code = sqlite3_vfs_register(&files, 0);
  if (code != SQLITE_OK) return sqlite_error(code, path, "cannot register its file system");
  auto database = open(path, Mode::kCreate, files.zName);
  sqlite3_vfs_unregister(&files);
  return database;
}

Result<Database> Database::open(const std::string& path, Mode mode, const char* files) {
  configure_library();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Mode::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
    case Mode::kReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::kReadOnly:
      flags |= SQLITE_OPEN_READONLY;
      break;
  }
  Database database;
  database.path_ = path;
  const int code = sqlite3_open_v2(path.c_str(), &database.handle_, flags, files);
  if (code != SQLITE_OK) {
    return sqlite_error(code, path + ": open", sqlite3_errmsg(database.handle_));
  }
  database.set_busy_timeout(kBusyTimeout);
  return database;
}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
    path_ = std::move(other.path_);
  }
  return *this;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, sql);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, sql);
  return Statement(statement);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  MDFS_TRY(Statement statement, prepare(sql));
  MDFS_TRY(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

void Database::set_busy_timeout(std::chrono::milliseconds timeout) {
  sqlite3_busy_timeout(handle_, static_cast<int>(timeout.count()));
}

std::int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(handle_); }

std::int64_t Database::changes() const { return sqlite3_changes(handle_); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

}  // namespace minidfs::storage
