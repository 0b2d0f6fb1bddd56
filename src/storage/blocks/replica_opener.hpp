// Opens finished replicas for reading, with a bounded number of files kept open. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/disk_threads.hpp"
#include "storage/blocks/lru_cache.hpp"
#include "storage/blocks/replica_catalog.hpp"

namespace minidfs::storage {

// Keeps the record's bytes from being given back while a reader is there.
class ReadMark {
 public:
  ReadMark(ReplicaCatalog& catalog, const ReplicaLocation& location)
      : catalog_(&catalog), location_(location) {}
  ReadMark(ReadMark&& other) noexcept
      : catalog_(std::exchange(other.catalog_, nullptr)), location_(other.location_) {}
  ReadMark& operator=(ReadMark&&) = delete;
  ~ReadMark() {
    if (catalog_ != nullptr) catalog_->release_reader(location_);
  }

 private:
  ReplicaCatalog* catalog_;
  const ReplicaLocation location_;
};

class ReplicaOpener {
 public:
  struct Disk {
    std::string directory;
    DiskId id;
    DiskThreads* threads = nullptr;
  };
  // `read_failed` is told of errors of opening and reading; it must not block.
  using ReadFailed = std::function<void(std::size_t disk, const Error& error)>;
  ReplicaOpener(std::vector<Disk> disks, ReplicaCatalog& catalog, ReadFailed read_failed);

  // As BlockStore::open_replicas. The readers must not outlive the catalog.
  void open(std::span<const BlockStore::ReplicaKey> keys, const BlockStore::Opened& done);

  // Let go of the file of a large replica, or of a pack, that goes away.
  void forget(BlockId block, std::uint64_t generation);
  void forget_pack(std::size_t disk, std::uint32_t pack);
  // Lets go of all files of a disk.
  void forget_disk(std::size_t disk);

  // As BlockStore::verify().
  Status verify(BlockId block, std::uint64_t generation, const Pace& pace);

  std::string pack_path(std::size_t disk, std::uint32_t pack) const;
  std::string large_path(std::size_t disk, BlockId block, std::uint64_t generation) const;

 private:
  using Reader = Result<std::shared_ptr<ReplicaReader>>;
  // Replicas of one disk that are opened together.
  struct Batch {
    struct Entry {
      std::size_t place;
      BlockId block;
      ReplicaLocation location;
      ReadMark mark;
      std::optional<Reader> reader = std::nullopt;
    };
    std::vector<Entry> entries;
    std::uint64_t read_along = 0;  // Stored bytes that were read with their descriptors.
  };

  // On a thread of the disk.
  void open_all(std::size_t disk, Batch& batch);
  Reader open_at(Batch::Entry& entry, bool read_along);
  Reader open_packed(Batch::Entry& entry, bool read_along);
  Reader open_large(BlockId block, const ReplicaLocation& location);
  Result<std::shared_ptr<UniqueFd>> open_pack(std::size_t disk, std::uint32_t pack);
  Status verify_at(BlockId block, const ReplicaLocation& location, const Pace& pace);

  const std::vector<Disk> disks_;
  ReplicaCatalog& catalog_;
  const ReadFailed read_failed_;
  LruCache<std::pair<std::uint64_t, std::uint64_t>, ReplicaReader> large_;  // Block, generation.
  LruCache<std::pair<std::size_t, std::uint32_t>, UniqueFd> packs_;         // Disk, pack.
};

}  // namespace minidfs::storage
