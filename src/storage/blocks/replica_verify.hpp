// Reads a whole replica from its disk, past the page cache where the file system can, and checks
// every byte of it: what the scrubber is made of.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {

// Each looks at the file at `path` only. kCorrupt when it does not hold the replica `info` whole
// and right, kNotFound when there is no such file, kCancelled when `pace` says so.
Status verify_large_replica(const std::string& path, DiskId disk, const ReplicaInfo& info,
                            const Pace& pace);
Status verify_packed_replica(const std::string& path, const DescriptorPlace& place,
                             const ReplicaInfo& info, const Pace& pace);

}  // namespace minidfs::storage
