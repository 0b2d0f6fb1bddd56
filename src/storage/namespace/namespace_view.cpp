#include "storage/namespace/namespace_view.hpp"

#include <algorithm>

#include "storage/namespace/namespace_schema.hpp"

namespace minidfs::storage {

Result<std::unique_ptr<ReadSnapshot>> ReadSnapshot::open(const std::string& path,
                                                         std::uint32_t cache_kib) {
  auto snapshot = std::make_unique<ReadSnapshot>();
  MDFS_TRY(snapshot->database_, open_namespace_reader(path, cache_kib));
  MDFS_TRY(snapshot->begin_, snapshot->database_.prepare("BEGIN"));
  MDFS_TRY(snapshot->commit_, snapshot->database_.prepare("COMMIT"));
  MDFS_TRY(snapshot->first_read_, snapshot->database_.prepare("SELECT applied FROM state"));
  return snapshot;
}

Status ReadSnapshot::refresh(std::uint64_t published) {
  if (open_ && number_ == published) return {};
  MDFS_CHECK(release());
  MDFS_CHECK(begin_.run());
  open_ = true;
  // The transaction takes its snapshot at its first read, so at `published` or later. Were that
  // left to whoever reads first, a commit in between would be in the snapshot although what was
  // cached before it was taken for current.
  MDFS_CHECK(first_read_.run());
  number_ = published;
  return {};
}

Status ReadSnapshot::release() {
  if (!open_) return {};
  open_ = false;
  return commit_.run();
}

void NamespaceView::add(ReadSnapshot* reader) {
  const std::lock_guard lock(readers_mutex_);
  readers_.push_back(reader);
}

void NamespaceView::remove(ReadSnapshot* reader) {
  const std::lock_guard lock(readers_mutex_);
  std::erase(readers_, reader);
}

Status NamespaceView::release_idle_readers() {
  const std::lock_guard registry(readers_mutex_);
  for (ReadSnapshot* reader : readers_) {
    const std::unique_lock lock(reader->mutex(), std::try_to_lock);
    if (lock.owns_lock()) MDFS_CHECK(reader->release());
  }
  return {};
}

}  // namespace minidfs::storage
