// The writing end of a pipeline of datanodes, through which any number of blocks are sent one after
// another. Each datanode stores a block and forwards it to the next while it arrives.
//
// Belongs to the loop of its executor; one operation at a time, which the object outlives. Every
// wait ends by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/asio.hpp"
// The above comes first: see there.
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/connection_options.hpp"
#include "transfer/pipeline_state.hpp"

namespace minidfs::transfer {

class BlockPipeline {
 public:
  virtual ~BlockPipeline() = default;

  // First of all. A target but the first that fails is reported in the acks and the others go on.
  // Errors: kUnavailable, kTimedOut, kWrongCluster, kProtocol, kCancelled. After one the object is
  // of no use.
  virtual asio::awaitable<Status> open() = 0;

  // A block is begun, gets its slices in order, and is ended; then the next may begin without
  // waiting for the ack. With kAtOnce the next one does, so that small blocks are gathered and
  // travel together; an ack that is waited for waits for none. An error of any of these means that
  // the first target is lost: the pipeline is of no more use and every block without an ack must be
  // written again through another. `slices` and `stored` stay where they are until append() has
  // ended.
  virtual Status begin_block(BlockId block, std::uint64_t generation,
                             std::uint64_t stored_bytes_hint) = 0;
  virtual asio::awaitable<Status> append(std::span<const storage::Slice> slices,
                                         std::span<const std::byte> stored) = 0;
  enum class Next : std::uint8_t { kSomeDay, kAtOnce };
  virtual asio::awaitable<Status> end_block(Next next) = 0;
  asio::awaitable<Status> end_block() { return end_block(Next::kSomeDay); }

  // What the ack of the open block will say at best: `stored` is set for all targets but those that
  // are known to have lost it. None while no target is, or no block is open.
  virtual const std::optional<BlockAck>& losses() const = 0;

  // Waits for the ack of the oldest block that was ended. A block that no target could store gives
  // an ack with no `stored` set, not an error.
  virtual asio::awaitable<Result<BlockAck>> wait_ack() = 0;

  // A sign of life, when a block is open and all that was sent has arrived: for those whose loop
  // stands still, as that of a thread that waits for its source. Any thread, but not during a call
  // or an operation.
  virtual void beat() = 0;

  // The operation under way ends with kCancelled, and all that follow.
  virtual void cancel() = 0;

  // When no block is open it may go from one loop, and its thread, to another. What is not on a
  // loop can only join one, or end.
  virtual void leave_loop() = 0;
  virtual void join_loop(const asio::any_io_executor& executor) = 0;
};

// A datanode for writers of its own process. Thread-safe.
class PipelineLeader {
 public:
  // A pipeline that begins with this datanode, targets[0], for a writer on the loop of `executor`.
  // REQUIRES: this outlives it; the events of the datanode's server outlive its store.
  virtual std::unique_ptr<BlockPipeline> lead_pipeline(const asio::any_io_executor& executor,
                                                       std::vector<metadata::Endpoint> targets,
                                                       const ConnectionOptions& options) = 0;

 protected:
  ~PipelineLeader() = default;
};

}  // namespace minidfs::transfer
