// The namenode's namespace: a replicated state that absorbs log entries in order and keeps itself
// in one SQLite database. Formats: docs/formats.md, "Namespace database".
//
// It has the shape of the replicated log's state machine. All functions are called on the log's
// thread, but for make_durable(), which another thread may call at the same time, and the thread-
// safe open_reader() and begin_copy().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/namespace/namespace_copy.hpp"
#include "storage/namespace/namespace_intake.hpp"
#include "storage/namespace/namespace_reader.hpp"
#include "storage/namespace/namespace_tree.hpp"

namespace minidfs::storage {

struct NamespaceOptions {
  std::uint32_t cache_kib = 8192;                // Of the writer's connection.
  std::uint32_t reader_cache_kib = 4096;         // Of each reader's connection.
  std::size_t listing_cache_bytes = 16U << 20U;  // Of each reader.
  // The write-ahead log starts over when it has grown to this.
  std::uint64_t wal_limit_bytes = 32ULL << 20U;
};

class NamespaceStore {
 public:
  // Opens the database at `path`, or makes it. Only one store may have it open: the directory's
  // lock is the caller's. Takes the same time whatever the namespace holds. Errors: kCorrupt (with
  // what to do), kUnsupported (a newer version), kIoError; the file is then as it was.
  static Result<std::unique_ptr<NamespaceStore>> open(const std::string& path,
                                                      const NamespaceOptions& options = {});
  ~NamespaceStore();
  NamespaceStore(const NamespaceStore&) = delete;
  NamespaceStore& operator=(const NamespaceStore&) = delete;

  // The number of the last entry applied; after a failure, of the last one committed.
  std::uint64_t applied() const;

  // Applies entry `number`, which must be above applied(), and returns the encoded ChangeReply.
  // What the rules refuse, and an entry that does not decode, is an outcome in the reply. An Error
  // means that the database failed: the open batch is rolled back, its replies must not leave, and
  // this and all other functions refuse from then on. The same holds for commit_batch().
  Result<std::string> apply(std::uint64_t number, std::string_view entry);

  // Ends a batch: what was applied becomes visible to readers.
  Status commit_batch();

  // What the changes since the last call mean for blocks. To be called after each commit_batch().
  NamespaceEffects take_effects();

  // When another process, which reads the database, has made its log long: the end of a sentence
  // that says so. Empty else.
  std::string room_note() const;

  // Makes everything up to the last finished commit_batch() survive a power cut; returns the number
  // of the last entry that surely does. After an error the store must be given up.
  Result<std::uint64_t> make_durable();

  // For a database without its log, which is a backup or a copy: what it holds becomes the
  // beginning of another life, whose log begins at entry 1. The life itself is left to the first
  // leadership. REQUIRES: nothing was applied since the store was opened. Durable when it returns.
  Status begin_again();

  // Of the write-ahead log's file, which a copy keeps from being shortened.
  // Thread-safe.
  std::uint64_t wal_bytes() const;

  // A copy for another namenode, of what was committed last.
  Result<std::unique_ptr<NamespaceCopy>> begin_copy(ClusterId cluster) const;
  // Takes a copy of another namenode's in, in this namespace's place.
  Result<std::unique_ptr<NamespaceIntake>> begin_intake(ClusterId cluster) const;
  // That copy becomes the namespace, applied() its number. Readers go on, each with the old one or
  // the new one; what they and this one remember of the old one counts for nothing. Durable on
  // return; a crash leaves the old one or the new one. After an error the store must be given up.
  // REQUIRES: the copy is finished, and no batch is open.
  Status install(std::unique_ptr<NamespaceIntake> copy);

  // Readers must be destroyed before the store.
  Result<std::unique_ptr<NamespaceReader>> open_reader();

 private:
  struct State;
  explicit NamespaceStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace minidfs::storage
