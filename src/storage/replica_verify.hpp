// Reads a whole replica and checks it; what the scrubber is made of.
#pragma once

#include <cstdint>

#include "storage/block_store.hpp"

namespace minidfs::storage {

// Errors as BlockStore::open_replica; kCorrupt also when a slice does not match its checksum.
Status verify_replica(BlockStore& store, BlockId block, std::uint64_t generation);

}  // namespace minidfs::storage
