// The writing end of the data plane: one connection to the first datanode of a pipeline, over which
// any number of blocks are sent one after another. Each datanode stores a block and forwards it to
// the next while it arrives. Wire format: docs/formats.md, "Data plane".
//
// Used by clients, and by datanodes that copy replicas. Not thread-safe; blocking calls, each
// bounded by the time-outs in the options.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::transfer {

struct ConnectionOptions {
  ClusterId cluster;
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds handshake_timeout{0};  // 0: the progress time-out.
  // A peer that neither takes nor gives anything for so long (not even a sign of life) is given up.
  std::chrono::milliseconds progress_timeout{5000};
  // Pipelines only: a node whose disk has work and has made no progress for so long is given up.
  std::chrono::milliseconds disk_timeout{10'000};
  // Pipelines only: its blocks are copies that nobody waits for. The nodes keep them out of their
  // page caches, where they would take the place of what clients use.
  bool background = false;
  // When this is set, calls that wait end with kCancelled within a tenth of a second. May be null;
  // outlives the connection.
  const std::atomic<bool>* cancelled = nullptr;
};

// How one block ended on the nodes of the pipeline.
struct BlockAck {
  BlockId block;
  std::uint64_t stored_bytes = 0;
  std::vector<bool> stored;         // By target: the replica is whole and as durable as configured.
  std::vector<std::string> errors;  // By target; empty where stored.
  std::vector<bool> timed_out;      // By target: given up for want of progress.
  std::vector<Errc> codes;          // By target; of no meaning where stored.
};

class PipelineWriter {
 public:
  // Connects to targets[0]; the later targets are connected by their predecessors. A later target
  // that fails is reported in the acks and the others go on. Errors: kUnavailable, kTimedOut,
  // kWrongCluster, kProtocol.
  static Result<std::unique_ptr<PipelineWriter>> open(std::vector<metadata::Endpoint> targets,
                                                      const ConnectionOptions& options);
  virtual ~PipelineWriter() = default;

  // A block is begun, gets its slices in order, and is ended; then the next may begin without
  // waiting for the ack. An error of any call means that targets[0] is lost: the writer is of no
  // more use and every block without an ack must be written again by another.
  virtual Status begin_block(BlockId block, std::uint64_t generation,
                             std::uint64_t stored_bytes_hint) = 0;
  virtual Status append(std::span<const storage::Slice> slices,
                        std::span<const std::byte> stored) = 0;
  virtual Status end_block() = 0;

  // What the ack of the open block will say at best: `stored` is set for all targets but those that
  // are known to have lost it. None while no target is, or no block is open. Arrives with the
  // frames that append() finds without waiting for them.
  virtual const std::optional<BlockAck>& losses() const = 0;

  // Blocks that were ended and whose ack was not taken yet.
  virtual std::size_t unacknowledged() const = 0;

  // Waits for the ack of the oldest of them. A block that not even targets[0] could store gives an
  // ack with no `stored` set, not an error.
  virtual Result<BlockAck> wait_ack() = 0;
};

}  // namespace minidfs::transfer
