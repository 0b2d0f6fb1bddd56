// Sends a replica of the local block store to other datanodes as it is stored, without
// decompressing it. Used for repair. Blocking; owns nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "transfer/pipeline_writer.hpp"

namespace minidfs::transfer {

// Keeps the pipeline of the last copy open for the next one to the same targets. For one thread.
class ReplicaCopier {
 public:
  // `bytes_per_second`: the mean rate of a copy is kept below this, 0 is no limit. The store
  // outlives the copier.
  ReplicaCopier(storage::BlockStore& store, ConnectionOptions options,
                std::uint64_t bytes_per_second)
      : store_(store), options_(options), bytes_per_second_(bytes_per_second) {
    options_.background = true;
  }

  // The ack tells which targets have the replica. Errors: those of BlockStore::open_replica and
  // PipelineWriter::open, and kCorrupt when a slice of the local replica is bad (no target then
  // gets the replica).
  Result<BlockAck> copy(BlockId block, std::uint64_t generation,
                        const std::vector<metadata::Endpoint>& targets);

 private:
  Result<BlockAck> send(storage::ReplicaReader& replica);

  storage::BlockStore& store_;
  ConnectionOptions options_;
  std::uint64_t bytes_per_second_;
  std::vector<metadata::Endpoint> targets_;  // Of writer_.
  std::unique_ptr<PipelineWriter> writer_;
};

// One copy by a copier of its own.
Result<BlockAck> copy_replica(storage::BlockStore& store, BlockId block, std::uint64_t generation,
                              std::vector<metadata::Endpoint> targets,
                              const ConnectionOptions& options, std::uint64_t bytes_per_second);

}  // namespace minidfs::transfer
