// For verbs that change many entries: several go in one request, and what waits is bounded.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/verbs/tree_walk.hpp"

namespace minidfs::cli {

template <class Entry>
class EntryChanges {
 public:
  // What is done with some of them; its error is one that ends the verb.
  using Apply = std::function<Status(const std::vector<Entry>&)>;

  explicit EntryChanges(Apply apply) : apply_(std::move(apply)) {}

  Status add(Entry entry) {
    waiting_.push_back(std::move(entry));
    return waiting_.size() < kWaitingMax ? Status() : finish();
  }
  // Does what waits.
  Status finish() {
    const auto entries = std::exchange(waiting_, {});
    return entries.empty() ? Status() : apply_(entries);
  }

 private:
  static constexpr std::size_t kWaitingMax = 1000;

  Apply apply_;
  std::vector<Entry> waiting_;
};

// Calls `visit` for the entry at `path`, with `recursive` also for all below it.
inline Status for_each_entry(client::FileSystem& files, const std::string& path, bool recursive,
                             const TreeVisitor& visit) {
  MDFS_TRY(const auto root, files.stat(path));
  return recursive ? walk_tree(files, root, path, visit) : visit(root, path);
}

}  // namespace minidfs::cli
