// Reading the file of a large replica, and checking stored slices wherever they are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {

struct LargeDescriptor {
  ReplicaInfo info;
  std::vector<Slice> slices;
};

// The descriptor at the end of a large replica's file, checked; kCorrupt when there is none, as in
// a half-written file.
Result<LargeDescriptor> read_large_descriptor(int fd, DiskId disk, const std::string& name);

// Reads the stored slices that begin at `offset` and checks them against their checksums.
Status check_stored_slices(int fd, std::uint64_t offset, const ReplicaInfo& info,
                           std::span<const Slice> slices, const std::string& name);

}  // namespace minidfs::storage
