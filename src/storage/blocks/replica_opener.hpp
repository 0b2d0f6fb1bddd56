// Opens finished replicas for reading, with a bounded number of files kept open. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/lru_cache.hpp"
#include "storage/blocks/replica_catalog.hpp"

namespace minidfs::storage {

class ReplicaOpener {
 public:
  struct Disk {
    std::string directory;
    DiskId id;
  };
  // `read_failed` is told of errors of opening and reading; it must not block.
  using ReadFailed = std::function<void(std::size_t disk, const Error& error)>;
  ReplicaOpener(std::vector<Disk> disks, ReplicaCatalog& catalog, ReadFailed read_failed);

  // Errors as BlockStore::open_replica. The reader must not outlive the catalog.
  Result<std::shared_ptr<ReplicaReader>> open(BlockId block, std::uint64_t generation);

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
  Result<std::shared_ptr<ReplicaReader>> open_packed(BlockId block,
                                                     const ReplicaLocation& location);
  Result<std::shared_ptr<ReplicaReader>> open_large(BlockId block, const ReplicaLocation& location);
  Result<std::shared_ptr<UniqueFd>> open_pack(std::size_t disk, std::uint32_t pack);
  Status verify_at(BlockId block, const ReplicaLocation& location, const Pace& pace);

  const std::vector<Disk> disks_;
  ReplicaCatalog& catalog_;
  const ReadFailed read_failed_;
  LruCache<std::pair<std::uint64_t, std::uint64_t>, ReplicaReader> large_;  // Block, generation.
  LruCache<std::pair<std::size_t, std::uint32_t>, UniqueFd> packs_;         // Disk, pack.
};

}  // namespace minidfs::storage
