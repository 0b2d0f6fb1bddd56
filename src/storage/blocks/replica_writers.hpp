// The two forms in which a replica is received: collected in memory for a pack, or written to a
// file of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/blocks/block_store.hpp"
#include "storage/blocks/direct_writes.hpp"
#include "storage/blocks/disk_threads.hpp"
#include "storage/blocks/pack_committer.hpp"
#include "storage/blocks/replica_catalog.hpp"
#include "storage/blocks/space_ledger.hpp"

namespace minidfs::storage {

// What both need. The block is marked as being written; the writer takes the mark off.
struct WriterStart {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t stored_bytes_hint = 0;
  Reservation reservation;
};

std::unique_ptr<ReplicaWriter> make_packed_writer(WriterStart start, ReplicaCatalog& catalog,
                                                  PackCommitter& committer);

struct LargeWriterOptions {
  std::string folder;  // .../blocks
  DiskId disk;
  std::uint16_t disk_number = 0;
  Durability durability = Durability::kSync;
  DiskThreads* threads = nullptr;
  DirectWrites* direct = nullptr;
  // Is told of errors of writing and syncing.
  std::function<void(const Error&)> write_failed;
  // Calls back about the replica that a new one replaced; from a thread of the disk.
  std::function<void(BlockId, const ReplicaLocation&)> replaced;
  // The disk cannot take the file: another one that can, with room for so many bytes, or none.
  struct Elsewhere {
    const LargeWriterOptions* options = nullptr;
    Reservation reservation;
  };
  std::function<Elsewhere(std::uint64_t bytes)> elsewhere;
};

// `options` must outlive the writer. The file is made by the first job on the disk's threads.
std::unique_ptr<ReplicaWriter> make_large_writer(WriterStart start,
                                                 const LargeWriterOptions& options,
                                                 ReplicaCatalog& catalog, SpaceLedger& ledger);

}  // namespace minidfs::storage
