// The index of one directory of the block store: which replicas it holds and where, in SQLite.
// Written behind by one thread; everything in it can be rebuilt from the replicas themselves.
// docs/formats.md, "Block store".
//
// Not thread-safe; owned by its disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {

// One change of the index. Which fields count depends on the kind.
struct IndexChange {
  enum class Kind : std::uint8_t {
    kPutPacked,
    kRemovePacked,
    kPutLarge,
    kRemoveLarge,
    kPackEnd,   // Pack `pack` is indexed up to `place`; also begins a pack.
    kDropPack,  // The file is gone.
  };
  Kind kind = Kind::kPutPacked;
  std::uint32_t pack = 0;
  std::uint64_t place = 0;  // Offset of the record in its pack.
  ReplicaInfo info;
};

// What an index holds, handed out row by row at open.
struct IndexVisitor {
  std::function<void(std::uint32_t pack, std::uint64_t indexed_end)> pack;
  std::function<void(std::uint32_t pack, std::uint64_t place, const ReplicaInfo& info)> packed;
  std::function<void(const ReplicaInfo& info)> large;
};

// The room between the live records around a place.
struct PackGap {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class BlockIndex {
 public:
  // Opens or creates the file at `path`. kCorrupt when it is damaged or another disk's, kIoError
  // (here and below) when the disk fails.
  static Result<std::unique_ptr<BlockIndex>> open(const std::string& path, DiskId disk);
  ~BlockIndex();
  BlockIndex(const BlockIndex&) = delete;
  BlockIndex& operator=(const BlockIndex&) = delete;

  // Visits all rows: packs first. kCorrupt when they are not what was written; what was visited
  // before must then be forgotten.
  Status load(const IndexVisitor& visitor);

  // Whether the file still holds what was applied; reads all of it. kCorrupt when it does not.
  Status verify();

  // Applies all changes in one transaction, or none of them. kNoSpace may be tried again later;
  // after any other error the index must be set aside.
  Status apply(std::span<const IndexChange> changes);

  // The gap around offset `place` of a pack, bounded by the records that the index has and by what
  // it knows of the pack; empty when it does not know the pack.
  Result<PackGap> gap_around(std::uint32_t pack, std::uint64_t place);

  // Makes all that was applied durable.
  Status checkpoint();

 private:
  struct State;
  explicit BlockIndex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Renames a damaged index (and its log) to the next free index.db.damaged-<n>. The new name.
Result<std::string> set_index_aside(const std::string& path);

}  // namespace minidfs::storage
