// What a NamespaceStore is made of. Only for its own source files.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "metadata/changes.hpp"
#include "metadata/namespace_times.hpp"
#include "storage/namespace/namespace_clients.hpp"
#include "storage/namespace/namespace_store.hpp"
#include "storage/namespace/namespace_tree.hpp"
#include "storage/namespace/namespace_view.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

// `mode` is one of SQLite's; `what` it is done for stands in the error.
Status checkpoint(Database& database, int mode, const char* what);

struct NamespaceStore::State {
  std::string path;
  NamespaceOptions options;
  std::shared_ptr<NamespaceView> view = std::make_shared<NamespaceView>();

  // The writer's, on the log's thread.
  Database database;
  std::unique_ptr<NamespaceTree> tree;
  ClientReplies clients;
  metadata::NamespaceTimes times;
  Statement begin;
  Statement commit;
  Statement write_state;
  std::uint64_t applied = 0;    // With the open batch.
  std::uint64_t committed = 0;  // Without it.
  bool in_batch = false;
  // The first failure: from then on the memory of the tree and of the clients may differ from the
  // database, so nothing more is applied, committed or answered from it.
  std::optional<Error> failure;
  std::atomic<bool> failed{false};  // The same, for make_durable()'s thread.
  int page_bytes = 0;
  std::uint64_t wal_bytes = 0;        // As of the last commit.
  std::uint64_t wal_retry_bytes = 0;  // Not shortened before, while readers hold that back.
  bool wal_warned = false;

  // Checkpoints exclude each other; the rest is make_durable()'s.
  std::mutex checkpoint_mutex;
  Database checkpointer;
  UniqueFd wal;

  Status load();
  Status load_state();
  Status begin_batch();
  Result<std::string> apply(std::uint64_t number, std::string_view bytes);
  Error of_newer_version(std::uint64_t number, const Error& why) const;
  Result<std::string> apply_change(const metadata::LogEntry& entry);
  Status commit_batch();
  Status shorten_wal();
  Status restart_wal(int mode);  // Of SQLite: RESTART, or TRUNCATE.
  void reserve_wal() const;
  Status install(std::unique_ptr<NamespaceIntake> copy);
  // Takes back what is not committed and refuses everything from here on; returns the error.
  Error give_up(const Error& error);

  static int on_commit(void* self, sqlite3*, const char*, int pages) {
    auto* state = static_cast<State*>(self);
    state->wal_bytes =
        static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(state->page_bytes);
    return SQLITE_OK;
  }
};

}  // namespace minidfs::storage
