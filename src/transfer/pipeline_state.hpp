// What a writer of a pipeline knows: the open block, the blocks that await their acks, and which
// target has failed which block. Pure: calls make frames, frames from the first node change what is
// known; no socket, no clock.
//
//          begin()              end()                    AckBlock, in the order of the ends
//   idle ----------> a block -----------> idle, one more ----------------------------------> its
//   ack
//                    is open              block awaits its ack                              can be
//                    taken
//                      | TargetLost: known in losses() until the block ends
//
// An error of any call or frame means that the first target, and with it the pipeline, is lost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

// How one block ended on the nodes of the pipeline.
struct BlockAck {
  // As far as is known every target has stored it.
  static BlockAck of_all(BlockId block, std::size_t targets);
  void note_lost(std::size_t target, const metadata::Endpoint& where, const Error& why);

  BlockId block;
  std::uint64_t stored_bytes = 0;
  std::vector<bool> stored;         // By target: the replica is whole and as durable as configured.
  std::vector<std::string> errors;  // By target; empty where stored.
  std::vector<bool> timed_out;      // By target: given up for want of progress.
  std::vector<Errc> codes;          // By target; of no meaning where stored.
};

class PipelineState {
 public:
  // A node that says that its disk has made no progress for `disk_timeout` is lost.
  PipelineState(std::vector<metadata::Endpoint> targets, std::chrono::milliseconds disk_timeout)
      : targets_(std::move(targets)),
        disk_timeout_(disk_timeout),
        first_(targets_.empty() ? std::string() : metadata::to_string(targets_.front())) {}

  // The frame that opens the pipeline at the first target, before which so many nodes stand.
  // kInvalidArgument for targets that no frame can name.
  Result<std::string> opening(bool background, std::uint8_t nodes_ahead) const;

  // Append their frames to `out`.
  Status begin(BlockId block, std::uint64_t generation, std::uint64_t stored_bytes_hint,
               std::string& out);
  Status end(std::string& out);
  // Counts slices for the open block. The frames with their data are made by OutgoingFrames.
  Status admit(std::span<const storage::Slice> slices, std::size_t stored_bytes);

  // What the first target has sent.
  Status take(const Frame& frame);

  bool block_is_open() const { return block_ != BlockId(); }
  // See PipelineWriter.
  const std::optional<BlockAck>& losses() const { return losses_; }
  std::size_t unacknowledged() const { return ended_.size() + acks_.size(); }
  // The ack of the oldest ended block, once it has come.
  std::optional<BlockAck> take_ack();

 private:
  Status take_ack_frame(const Frame& frame);
  Status take_loss(const Frame& frame);
  void note_status(BlockAck& ack, std::size_t target, const WireStatus& status) const;

  std::vector<metadata::Endpoint> targets_;
  std::chrono::milliseconds disk_timeout_;
  std::string first_;               // host:port of targets_[0].
  BlockId block_;                   // The open one, or none.
  EndBlock counted_;                // Of the open block so far.
  std::optional<BlockAck> losses_;  // Of the open block so far.
  std::deque<BlockId> ended_;       // Without an ack yet.
  std::deque<BlockAck> acks_;       // Not taken yet.
};

}  // namespace minidfs::transfer
