// AsyncPipelineWriter for those who block: the same calls, each on a loop of its own in the thread
// of the caller, bounded by the time-outs in the options.
//
// Used by datanodes that copy replicas. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/connection_options.hpp"
#include "transfer/pipeline_state.hpp"

namespace minidfs::transfer {

class PipelineWriter {
 public:
  // Connects to targets[0]; the later targets are connected by their predecessors. A later target
  // that fails is reported in the acks and the others go on. Errors: kUnavailable, kTimedOut,
  // kWrongCluster, kProtocol.
  static Result<std::unique_ptr<PipelineWriter>> open(std::vector<metadata::Endpoint> targets,
                                                      const ConnectionOptions& options);
  ~PipelineWriter();

  // A block is begun, gets its slices in order, and is ended; then the next may begin without
  // waiting for the ack. An error of any call means that targets[0] is lost: the writer is of no
  // more use and every block without an ack must be written again by another.
  Status begin_block(BlockId block, std::uint64_t generation, std::uint64_t stored_bytes_hint);
  Status append(std::span<const storage::Slice> slices, std::span<const std::byte> stored);
  Status end_block();

  // What the ack of the open block will say at best: `stored` is set for all targets but those that
  // are known to have lost it. None while no target is, or no block is open. Arrives with the
  // frames that append() finds without waiting for them.
  const std::optional<BlockAck>& losses() const;

  // Blocks that were ended and whose ack was not taken yet.
  std::size_t unacknowledged() const;

  // Waits for the ack of the oldest of them. A block that not even targets[0] could store gives an
  // ack with no `stored` set, not an error.
  Result<BlockAck> wait_ack();

 private:
  struct Parts;
  explicit PipelineWriter(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace minidfs::transfer
