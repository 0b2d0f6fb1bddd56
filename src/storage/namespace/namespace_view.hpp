// What the namespace's writer and its readers share in memory: which commits have happened and what
// they touched, so that readers keep a snapshot and caches exactly as long as they are current.
//
// Protocol of a commit with number N: the writer marks the directories it touched with N, commits,
// then publishes N. A reader that has seen N published begins a new snapshot; what it has cached
// from a snapshot begun when S was published holds as long as no mark is above S.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/ids.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

// A reader's connection and the read transaction that it keeps open between operations. The writer
// may end that transaction, so both lock the mutex.
class ReadSnapshot {
 public:
  static Result<std::unique_ptr<ReadSnapshot>> open(const std::string& path,
                                                    std::uint32_t cache_kib);

  std::mutex& mutex() { return mutex_; }
  Database& database() { return database_; }

  // All below REQUIRE the mutex.
  // Makes the snapshot contain at least all commits up to `published`. It stands when this returns:
  // marks in the view that are read afterwards cover everything in it.
  Status refresh(std::uint64_t published);
  // Ends the read transaction, so that the write-ahead log can start over.
  Status release();
  // The commits that are surely contained.
  std::uint64_t number() const { return number_; }

 private:
  std::mutex mutex_;
  Database database_;
  Statement begin_;
  Statement commit_;
  Statement first_read_;
  bool open_ = false;
  std::uint64_t number_ = 0;
};

class NamespaceView {
 public:
  // For readers, from any thread.
  std::uint64_t published() const { return published_.load(std::memory_order_acquire); }
  // The last commit that changed an entry of `directory` (or of one that shares its slot).
  std::uint64_t changed(InodeId directory) const {
    return slots_[slot(directory)].load(std::memory_order_acquire);
  }
  // The last commit that removed or renamed any directory.
  std::uint64_t tree_changed() const { return tree_changed_.load(std::memory_order_acquire); }
  // The last commit that made the whole namespace another one; else nothing but names and entries
  // changes.
  std::uint64_t replaced() const { return replaced_.load(std::memory_order_acquire); }

  // For the writer.
  void mark(InodeId directory, std::uint64_t commit) {
    slots_[slot(directory)].store(commit, std::memory_order_release);
  }
  void mark_tree(std::uint64_t commit) { tree_changed_.store(commit, std::memory_order_release); }
  // Everything becomes another one.
  void mark_all(std::uint64_t commit) {
    for (auto& slot : slots_) slot.store(commit, std::memory_order_release);
    mark_tree(commit);
    replaced_.store(commit, std::memory_order_release);
  }
  void publish(std::uint64_t commit) { published_.store(commit, std::memory_order_release); }

  void add(ReadSnapshot* reader);
  void remove(ReadSnapshot* reader);

  // Ends all readers' transactions and, while none can begin, calls `action`.
  template <class Action>
  Status without_readers(Action action) {
    const std::lock_guard registry(readers_mutex_);
    std::vector<std::unique_lock<std::mutex>> locks;
    for (ReadSnapshot* reader : readers_) {
      locks.emplace_back(reader->mutex());
      MDFS_CHECK(reader->release());
    }
    return action();
  }
  // Ends the transactions of readers that are idle at the moment.
  Status release_idle_readers();

 private:
  static constexpr std::size_t kSlots = 16384;
  static std::size_t slot(InodeId id) { return id.value % kSlots; }

  std::atomic<std::uint64_t> published_{1};
  std::atomic<std::uint64_t> tree_changed_{0};
  std::atomic<std::uint64_t> replaced_{0};
  std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
  std::mutex readers_mutex_;
  std::vector<ReadSnapshot*> readers_;
};

}  // namespace minidfs::storage
