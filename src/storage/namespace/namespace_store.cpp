#include "storage/namespace/namespace_store.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "base/codec.hpp"
#include "base/file.hpp"
#include "base/logging.hpp"
#include "metadata/namespace_rules.hpp"
#include "storage/namespace/namespace_intake.hpp"
#include "storage/namespace/namespace_schema.hpp"
#include "storage/namespace/namespace_store_state.hpp"

namespace minidfs::storage {

using metadata::Change;
using metadata::ChangeReply;
using metadata::LogEntry;
using metadata::ReplyWindow;
using metadata::RequestId;

namespace {

// The connection that makes the database durable reads and writes no pages through its cache.
constexpr std::uint32_t kCheckpointCacheKib = 64;

// Of the write-ahead log, reserved while the namespace is open: changes that were taken just before
// the disk filled up, and before anybody noticed, can still be committed.
constexpr off_t kWalReservedBytes = 16 << 20;

// A log that could not be shortened is tried again when it has grown by so much more, and the
// operator is told when it is that long.
constexpr std::uint64_t kWalRetryBytes = 4 << 20;
constexpr std::uint64_t kWalWarnBytes = 256 << 20;

std::string encode_failure(const Error& error) {
  return encode(ChangeReply{{metadata::failure(error)}});
}

Error lost_transaction(const std::string& path) {
  return {Errc::kIoError, path + ": the transaction of this batch was ended by a failed write"};
}

}  // namespace

Status checkpoint(Database& database, int mode, const char* what) {
  const int code = sqlite3_wal_checkpoint_v2(database.handle(), nullptr, mode, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return sqlite_error(code, database.path() + ": " + what, sqlite3_errmsg(database.handle()));
}

Status NamespaceStore::State::load() {
  MDFS_CHECK(NamespaceIntake::clean_up(path));
  MDFS_TRY(database, open_namespace_writer(path, options.cache_kib));
  MDFS_CHECK(load_state());
  MDFS_TRY(begin, database.prepare("BEGIN IMMEDIATE"));
  MDFS_TRY(commit, database.prepare("COMMIT"));
  MDFS_TRY(write_state,
           database.prepare("UPDATE state SET applied = ?1, clock_ms = ?2, next_inode = ?3, "
                            "next_block = ?4, files = ?5, directories = ?6, blocks = ?7, "
                            "bytes = ?8, cluster_ms = ?9, forgotten_ms = ?10 WHERE id = 1"));
  MDFS_TRY(const std::int64_t page_size, database.integer("PRAGMA page_size"));
  page_bytes = static_cast<int>(page_size);
  sqlite3_wal_hook(database.handle(), on_commit, this);

  MDFS_TRY(checkpointer, Database::open(path, Database::Mode::kReadWrite));
  const std::string cache =
      "PRAGMA synchronous=NORMAL;PRAGMA wal_autocheckpoint=0;"
      "PRAGMA cache_size=-" +
      std::to_string(kCheckpointCacheKib);
  MDFS_CHECK(checkpointer.execute(cache.c_str()));
  // Opened by name only here: SQLite keeps this file for as long as a connection is open. (Closing
  // it drops no lock of SQLite's, which are on the database and on the -shm file.)
  MDFS_TRY(wal, open_file(path + "-wal", O_RDWR));
  reserve_wal();
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return sync_directory(directory.empty() ? "." : directory);
}

// What is kept in memory of the database.
Status NamespaceStore::State::load_state() {
  MDFS_TRY(Statement select,
           database.prepare("SELECT applied, clock_ms, next_inode, next_block, files, directories, "
                            "blocks, bytes, life_high, life_low, leadership, cluster_ms, "
                            "forgotten_ms FROM state WHERE id = 1"));
  MDFS_TRY(const bool row, select.step());
  if (!row) return damaged_namespace(path, "it has no state");
  applied = committed = select.unsigned_integer(0);
  const TreeState tree_state{
      select.unsigned_integer(2),
      select.unsigned_integer(3),
      {metadata::LifeId{select.unsigned_integer(8), select.unsigned_integer(9)},
       select.unsigned_integer(10)},
      {select.unsigned_integer(4), select.unsigned_integer(5), select.unsigned_integer(6),
       select.unsigned_integer(7)}};
  times = {select.integer(1), select.integer(11)};
  MDFS_TRY(clients, ClientReplies::open(database, select.integer(12)));
  select.reset();
  MDFS_TRY(tree, NamespaceTree::open(database, *view, tree_state));
  return {};
}

// Only a precaution: a file system that cannot do it, or is full, is found out by the writes.
void NamespaceStore::State::reserve_wal() const {
  (void)::fallocate(wal.get(), FALLOC_FL_KEEP_SIZE, 0, kWalReservedBytes);
}

Status NamespaceStore::State::begin_batch() {
  if (in_batch) return {};
  MDFS_CHECK(begin.run());
  in_batch = true;
  tree->set_commit(view->published() + 1);
  return {};
}

Error NamespaceStore::State::of_newer_version(std::uint64_t number, const Error& why) const {
  return {why.code, path + ": entry " + std::to_string(number) +
                        " of the log was written by a newer minidfs (" + why.message +
                        "); start that version instead"};
}

Result<std::string> NamespaceStore::State::apply(std::uint64_t number, std::string_view bytes) {
  MDFS_CHECK(begin_batch());
  Result<LogEntry> entry = metadata::decode_entry(bytes);
  // Those who know it hold something else from there on.
  if (!entry && entry.error().code == Errc::kUnsupported) {
    return of_newer_version(number, entry.error());
  }
  // Every namenode refuses it in the same way, so this is an answer and no failure.
  if (!entry) return encode_failure(entry.error());
  times.advance(metadata::time_of(entry->change), entry->cluster_ms);
  metadata::set_time(entry->change, times.file_ms);
  return apply_change(*entry);
}

Result<std::string> NamespaceStore::State::apply_change(const LogEntry& entry) {
  const Change& change = entry.change;
  const RequestId* request = metadata::request_of(change);
  const bool protect = request != nullptr && !request->client.is_none();
  if (protect) {
    const bool timed = entry.cluster_ms != 0;
    MDFS_TRY(const auto before, clients.begin(*request, times.cluster_ms, timed));
    if (before.seen == ReplyWindow::Seen::kAnswered) return std::string(before.reply);
    if (before.seen == ReplyWindow::Seen::kForgotten) return encode(metadata::forgotten(*request));
  }
  MDFS_TRY(const ChangeReply reply, metadata::apply_change(*tree, change));
  std::string encoded = encode(reply);
  if (protect) MDFS_CHECK(clients.keep(*request, encoded));
  return encoded;
}

Status NamespaceStore::State::commit_batch() {
  const std::uint64_t number = view->published() + 1;
  // SQLite ends a transaction by itself when a write fails. Then each statement below would be
  // committed alone, the number of changes that are gone among them.
  if (!database.in_transaction()) return lost_transaction(path);
  MDFS_CHECK(tree->flush());
  MDFS_CHECK(clients.flush());
  const TreeState& now = tree->state();
  MDFS_CHECK(write_state
                 .bind_all(applied, times.file_ms, now.next_inode, now.next_block,
                           now.counters.files, now.counters.directories, now.counters.blocks,
                           now.counters.bytes, times.cluster_ms, clients.forgotten_ms())
                 .run());
  if (!database.in_transaction()) return lost_transaction(path);
  MDFS_CHECK(commit.run());
  in_batch = false;
  committed = applied;
  view->publish(number);
  if (wal_bytes < std::max(options.wal_limit_bytes, wal_retry_bytes)) return {};
  return shorten_wal();
}

Error NamespaceStore::State::give_up(const Error& error) {
  if (!failure) failure = error;
  failed.store(true, std::memory_order_release);
  // Closing the connection would do the same; what fails here cannot be helped and changes nothing.
  if (database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
  in_batch = false;
  applied = committed;
  return *failure;
}

// Brings all of the write-ahead log into the database, so that the next commit begins it anew. A
// copy that is being made, or a reader of another process, may hold that back for as long as it
// likes: it is tried again later.
Status NamespaceStore::State::shorten_wal() {
  const std::lock_guard lock(checkpoint_mutex);
  Status status = restart_wal(SQLITE_CHECKPOINT_RESTART);
  if (status.ok()) {
    wal_retry_bytes = 0;
    wal_warned = false;
    return status;
  }
  if (status.error().code != Errc::kInUse) return status;
  wal_retry_bytes = wal_bytes + kWalRetryBytes;
  if (wal_bytes >= kWalWarnBytes && !wal_warned) {
    wal_warned = true;
    log_warn("namenode",
             "{}-wal has grown to {} MiB, because the database is being copied, or another process "
             "reads it; it shrinks no more until that ends",
             path, wal_bytes >> 20U);
  }
  return {};
}

Status NamespaceStore::State::restart_wal(int mode) {
  // Most is done while readers go on; what their snapshots held back is then little.
  MDFS_CHECK(checkpoint(database, SQLITE_CHECKPOINT_PASSIVE, "checkpoint"));
  return view->without_readers([&] {
    database.set_busy_timeout(std::chrono::milliseconds(0));
    const Status status = checkpoint(database, mode, "restart of the log");
    database.set_busy_timeout(Database::kBusyTimeout);
    return status;
  });
}

NamespaceStore::NamespaceStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

NamespaceStore::~NamespaceStore() = default;

Result<std::unique_ptr<NamespaceStore>> NamespaceStore::open(const std::string& path,
                                                             const NamespaceOptions& options) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->options = options;
  MDFS_CHECK(state->load());
  return std::unique_ptr<NamespaceStore>(new NamespaceStore(std::move(state)));
}

std::uint64_t NamespaceStore::applied() const { return state_->applied; }

Result<std::string> NamespaceStore::apply(std::uint64_t number, std::string_view entry) {
  State& state = *state_;
  if (state.failure) return *state.failure;
  if (number <= state.applied) {
    return Error{Errc::kInternal, state.path + ": entry " + std::to_string(number) +
                                      " cannot follow entry " + std::to_string(state.applied)};
  }
  state.tree->set_entry(number);
  Result<std::string> reply = state.apply(number, entry);
  if (!reply.ok()) return state.give_up(reply.error());
  state.applied = number;
  return reply;
}

Status NamespaceStore::commit_batch() {
  State& state = *state_;
  if (state.failure) return *state.failure;
  if (!state.in_batch) return {};
  const Status status = state.commit_batch();
  if (!status.ok()) return state.give_up(status.error());
  return {};
}

Status NamespaceStore::begin_again() {
  State& state = *state_;
  MDFS_ASSERT(!state.in_batch && !state.failure);
  MDFS_CHECK(state.database.execute(
      "BEGIN IMMEDIATE;"
      "INSERT OR REPLACE INTO past_life SELECT life_high, life_low, leadership, applied, 0 "
      "FROM state WHERE life_high <> 0 OR life_low <> 0;"
      "UPDATE state SET applied = 0, life_high = 0, life_low = 0 WHERE id = 1;"
      "COMMIT"));
  MDFS_TRY(const std::uint64_t durable, make_durable());
  MDFS_ASSERT(durable == 0);
  state.applied = state.committed = 0;
  state.tree->forget_life();
  return {};
}

NamespaceEffects NamespaceStore::take_effects() {
  NamespaceEffects effects = state_->tree->take_effects();
  if (state_->failure) return {};
  effects.applied = state_->committed;
  return effects;
}

std::string NamespaceStore::room_note() const {
  const State& state = *state_;
  if (state.wal_retry_bytes == 0 || state.wal_bytes < 2 * state.options.wal_limit_bytes) return {};
  return "; " + state.path + "-wal takes " + std::to_string(state.wal_bytes) +
         " bytes of it, because the database is being copied, or another process has been "
         "reading it for long";
}

Result<std::uint64_t> NamespaceStore::make_durable() {
  State& state = *state_;
  if (state.failed.load(std::memory_order_acquire)) {
    return Error{Errc::kIoError, state.path + ": given up after a failure"};
  }
  const std::lock_guard lock(state.checkpoint_mutex);
  MDFS_TRY(const std::int64_t applied,
           state.checkpointer.integer("SELECT applied FROM state WHERE id = 1"));
  // What was read stands in the database, where only a synced checkpoint brings it, or in the log.
  // The log is synced here, because a checkpoint that readers hold back may not do it.
  MDFS_CHECK(sync_data(state.wal.get(), state.path + "-wal"));
  MDFS_CHECK(state.view->release_idle_readers());
  const Status status = checkpoint(state.checkpointer, SQLITE_CHECKPOINT_PASSIVE, "checkpoint");
  // Another process is at it; what counts is that the log was synced.
  if (!status.ok() && status.error().code != Errc::kInUse) return status.error();
  return static_cast<std::uint64_t>(applied);
}

Result<std::unique_ptr<NamespaceReader>> NamespaceStore::open_reader() {
  return NamespaceReader::open(state_->path, state_->view, state_->options.reader_cache_kib,
                               state_->options.listing_cache_bytes);
}

}  // namespace minidfs::storage
