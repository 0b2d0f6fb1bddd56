// Brings the files of one directory of the block store and its index together at open: what the
// index lacks is verified and adopted, what is half-written removed, a damaged index rebuilt.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "storage/blocks/block_index.hpp"
#include "storage/blocks/replica_catalog.hpp"

namespace minidfs::storage {

struct RecoveredDisk {
  std::unique_ptr<BlockIndex> index;
  std::uint32_t next_pack = 1;
  std::uint32_t open_pack = 0;  // A pack to go on with, or 0.
  std::uint64_t open_pack_end = 0;
};

struct RecoveryOptions {
  std::string directory;
  DiskId disk;
  std::uint16_t disk_number = 0;
  std::uint64_t pack_size_bytes = 0;
  std::function<void(std::string)> notice;  // Takes what the operator should know.
  // Is told of a replica of which a newer generation was found.
  std::function<void(BlockId, const ReplicaLocation&)> replaced;
};

// REQUIRES: the directory is locked. Loads everything into `catalog`.
Result<RecoveredDisk> recover_disk(const RecoveryOptions& options, ReplicaCatalog& catalog);

struct PackScan {
  std::uint64_t end = 0;  // Of the last valid record, or where the scan began.
  std::uint32_t read_errors = 0;
  Status unreadable;  // The first of them: there may be more records than were found.
};

// Finds the valid records of a pack file from offset `begin` on, which must be one where a record
// may begin. What cannot be read is skipped; after many errors, all that follows.
using RecordVisitor = std::function<void(std::uint64_t offset, const ReplicaInfo& info)>;
Result<PackScan> scan_pack(int fd, DiskId disk, std::uint32_t pack, std::uint64_t begin,
                           const std::string& name, const RecordVisitor& visit);

// Reads a large replica's file to its end and checks everything.
Result<ReplicaInfo> verify_large_file(int fd, DiskId disk, const std::string& name);

}  // namespace minidfs::storage
