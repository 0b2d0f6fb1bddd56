#include "storage/namespace/namespace_backup.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace minidfs::storage {
namespace {

Status check_room(const std::string& path, std::uint64_t wanted_bytes,
                  std::uint64_t free_min_bytes) {
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0) return errno_error(errno, path);
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free_bytes >= wanted_bytes && free_bytes - wanted_bytes >= free_min_bytes) return {};
  return Error{Errc::kNoSpace, path + ": a copy needs " + std::to_string(wanted_bytes) +
                                   " bytes beside the " + std::to_string(free_min_bytes) +
                                   " that stay free, and " + std::to_string(free_bytes) +
                                   " are free"};
}

}  // namespace

Result<std::unique_ptr<NamespaceBackup>> NamespaceBackup::begin(const std::string& path,
                                                                const std::string& copy_path,
                                                                std::uint64_t free_min_bytes) {
  MDFS_CHECK(remove_file(copy_path));
  std::unique_ptr<NamespaceBackup> backup(new NamespaceBackup);
  MDFS_CHECK(backup->open(path, copy_path));
  MDFS_CHECK(check_room(path, backup->bytes_, free_min_bytes));
  return backup;
}

// What the transaction has read once it goes on seeing, however long the copy takes; without it
// each commit of the namenode would make the copy begin again.
Status NamespaceBackup::open(const std::string& path, const std::string& copy_path) {
  copy_path_ = copy_path;
  MDFS_TRY(source_, Database::open(path, Database::Mode::kReadOnly));
  MDFS_CHECK(source_.execute("BEGIN"));
  {
    MDFS_TRY(Statement state,
             source_.prepare("SELECT applied, life_high, life_low FROM state WHERE id = 1"));
    MDFS_TRY(const bool row, state.step());
    if (!row) return Error{Errc::kCorrupt, path + ": it has no state"};
    change_ = state.unsigned_integer(0);
    life_ = {state.unsigned_integer(1), state.unsigned_integer(2)};
  }
  MDFS_TRY(const std::int64_t pages, source_.integer("PRAGMA page_count"));
  MDFS_TRY(const std::int64_t page_bytes, source_.integer("PRAGMA page_size"));
  bytes_ = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
  // Nobody needs the copy after a crash.
  MDFS_TRY(target_, Database::open(copy_path, Database::Mode::kCreate));
  MDFS_CHECK(target_.execute("PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF"));
  copying_ = sqlite3_backup_init(target_.handle(), "main", source_.handle(), "main");
  if (copying_ != nullptr) return {};
  return sqlite_error(sqlite3_extended_errcode(target_.handle()), copy_path,
                      sqlite3_errmsg(target_.handle()));
}

NamespaceBackup::~NamespaceBackup() {
  if (copying_ != nullptr) sqlite3_backup_finish(copying_);
  if (!is_whole() && !copy_path_.empty()) ::unlink(copy_path_.c_str());
}

Status NamespaceBackup::step(int pages) {
  if (is_whole()) return {};
  MDFS_ASSERT(copying_ != nullptr);
  const int code = sqlite3_backup_step(copying_, pages);
  if (code == SQLITE_OK) return {};
  if (code == SQLITE_DONE) return finish();
  return sqlite_error(code, copy_path_ + ": copy of the namespace",
                      sqlite3_errmsg(target_.handle()));
}

Status NamespaceBackup::finish() {
  const int code = sqlite3_backup_finish(std::exchange(copying_, nullptr));
  if (code != SQLITE_OK) {
    return sqlite_error(code, copy_path_, sqlite3_errmsg(target_.handle()));
  }
  target_ = Database();
  source_ = Database();  // The write-ahead log may start over from here on.
  MDFS_TRY(UniqueFd copy, open_file(copy_path_, O_RDONLY));
  MDFS_CHECK(remove_file(copy_path_));
  const off_t end = ::lseek(copy.get(), 0, SEEK_END);
  if (end < 0) return errno_error(errno, copy_path_);
  bytes_ = static_cast<std::uint64_t>(end);
  copy_ = std::move(copy);
  return {};
}

Result<std::string> NamespaceBackup::read(std::uint64_t offset, std::size_t count) const {
  MDFS_ASSERT(is_whole());
  if (offset > bytes_) {
    return Error{Errc::kInvalidArgument, "byte " + std::to_string(offset) +
                                             " of a copy of the namespace of " +
                                             std::to_string(bytes_) + " bytes"};
  }
  std::string bytes(std::min<std::uint64_t>(count, bytes_ - offset), '\0');
  MDFS_CHECK(read_at(copy_.get(), std::as_writable_bytes(std::span(bytes)), offset, copy_path_));
  return bytes;
}

}  // namespace minidfs::storage
