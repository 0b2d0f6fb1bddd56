// Sends a replica of the local block store to other datanodes as it is stored, without
// decompressing it. Used for repair. Blocking; owns nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "transfer/pipeline_writer.hpp"

namespace minidfs::transfer {

// The ack tells which targets have the replica. `bytes_per_second`: the mean rate is kept below
// this, 0 is no limit. Errors: those of BlockStore::open_replica and PipelineWriter::open, and
// kCorrupt when a slice of the local replica is bad (no target then gets the replica).
Result<BlockAck> copy_replica(storage::BlockStore& store, BlockId block, std::uint64_t generation,
                              std::vector<metadata::Endpoint> targets,
                              const ConnectionOptions& options, std::uint64_t bytes_per_second);

}  // namespace minidfs::transfer
