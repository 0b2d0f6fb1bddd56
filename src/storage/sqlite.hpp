// A thin owning face on SQLite: a connection, its prepared statements, and the one place where
// SQLite's result codes become errors. Neither class is thread-safe: a connection and its
// statements belong to one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_vfs;

namespace minidfs::storage {

// A prepared statement. It must not outlive its Database.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Parameters are numbered from 1. Texts and blobs are not copied: they must live until reset().
  void bind(int index, std::int64_t value);
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind_text(int index, std::string_view value);
  void bind_blob(int index, std::string_view value);
  void bind_null(int index);

  // Binds integers to the parameters 1, 2, 3, … in turn.
  template <class... Integers>
  Statement& bind_all(Integers... values) {
    int index = 0;
    (bind(++index, static_cast<std::int64_t>(values)), ...);
    return *this;
  }

  // True when a row stands ready, false when there are no more.
  Result<bool> step();
  // For statements without rows: steps to the end and resets.
  Status run();
  void reset();

  // Columns of the current row are numbered from 0. Views hold until the next step() or reset().
  std::int64_t integer(int column) const;
  std::uint64_t unsigned_integer(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  std::string_view bytes(int column) const;  // Of a text or a blob; empty for NULL.
  bool is_null(int column) const;
  int columns() const;

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// Resets a statement at the end of a scope, so that it holds no read lock between uses.
class StatementScope {
 public:
  explicit StatementScope(Statement& statement) : statement_(statement) {}
  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;
  ~StatementScope() { statement_.reset(); }

 private:
  Statement& statement_;
};

// A connection.
class Database {
 public:
  enum class Mode : std::uint8_t {
    kCreate,     // Read and write; the file is made when it is missing.
    kReadWrite,  // Read and write; the file must exist.
    kReadOnly,
  };

  static constexpr std::chrono::milliseconds kBusyTimeout{5000};

  Database() = default;
  // Waits up to kBusyTimeout for locks of other connections, until another time is set.
  static Result<Database> open(const std::string& path, Mode mode);
  // A new database in another file system than the operating system's. SQLite knows `files`, whose
  // name nobody else has, during this call alone; it must outlive the connection.
  static Result<Database> open_in(sqlite3_vfs& files, const std::string& path);
  Database(Database&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // Runs one or more statements whose rows are of no interest.
  Status execute(const char* sql);
  // The statement is expected to be used many times.
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row of `sql`; 0 when there is no row.
  Result<std::int64_t> integer(std::string_view sql);

  void set_busy_timeout(std::chrono::milliseconds timeout);
  std::int64_t last_insert_rowid() const;
  std::int64_t changes() const;  // Rows touched by the last INSERT, UPDATE or DELETE.
  bool in_transaction() const;

  const std::string& path() const { return path_; }
  sqlite3* handle() const { return handle_; }

 private:
  static Result<Database> open(const std::string& path, Mode mode, const char* files);

  sqlite3* handle_ = nullptr;
  std::string path_;
};

// `code` is one of SQLite's (extended) result codes; `what` names the database and the operation.
Error sqlite_error(int code, std::string_view what, std::string_view detail);

}  // namespace minidfs::storage
