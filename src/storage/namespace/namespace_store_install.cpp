// The part of NamespaceStore that gives the whole namespace to another namenode, or takes over that
// of another one.
#include <sqlite3.h>
#include <sys/stat.h>

#include <mutex>
#include <utility>

#include "base/file.hpp"
#include "storage/namespace/namespace_intake.hpp"
#include "storage/namespace/namespace_store_state.hpp"

namespace minidfs::storage {
namespace {

// One transaction of the destination, in its write-ahead log: other connections go on, and a crash
// leaves all of it or nothing.
Status replace_database(Database& to, Database& from) {
  sqlite3_backup* copying = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (copying == nullptr) {
    return sqlite_error(sqlite3_extended_errcode(to.handle()), to.path() + ": copy",
                        sqlite3_errmsg(to.handle()));
  }
  const int step = sqlite3_backup_step(copying, -1);
  const int end = sqlite3_backup_finish(copying);
  if (step == SQLITE_DONE && end == SQLITE_OK) return {};
  return sqlite_error(end == SQLITE_OK ? step : end, to.path() + ": copy",
                      sqlite3_errmsg(to.handle()));
}

}  // namespace

std::uint64_t NamespaceStore::wal_bytes() const {
  struct stat info {};
  return ::fstat(state_->wal.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<std::unique_ptr<NamespaceCopy>> NamespaceStore::begin_copy(ClusterId cluster) const {
  return NamespaceCopy::begin(state_->path, cluster);
}

Result<std::unique_ptr<NamespaceIntake>> NamespaceStore::begin_intake(ClusterId cluster) const {
  return NamespaceIntake::begin(state_->path, cluster);
}

Status NamespaceStore::install(std::unique_ptr<NamespaceIntake> copy) {
  State& state = *state_;
  if (state.failure) return *state.failure;
  const Status status = state.install(std::move(copy));
  if (!status.ok()) return state.give_up(status.error());
  return {};
}

Status NamespaceStore::State::install(std::unique_ptr<NamespaceIntake> copy) {
  MDFS_ASSERT(!in_batch);
  const std::lock_guard lock(checkpoint_mutex);
  const std::uint64_t number = view->published() + 1;
  view->mark_all(number);
  MDFS_CHECK(replace_database(database, copy->database()));
  MDFS_CHECK(sync_data(wal.get(), path + "-wal"));
  view->publish(number);
  MDFS_CHECK(load_state());
  // Its room may be needed to bring the write-ahead log, which has all of it now, into the
  // database.
  copy.reset();
  MDFS_CHECK(view->release_idle_readers());
  wal_bytes = 0;
  wal_retry_bytes = 0;
  const Status emptied = restart_wal(SQLITE_CHECKPOINT_TRUNCATE);
  reserve_wal();
  if (emptied.ok() || emptied.error().code == Errc::kInUse) return {};
  return emptied;
}

}  // namespace minidfs::storage
