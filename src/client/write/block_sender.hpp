// Writes blocks through pipelines of datanodes, and writes them again elsewhere when that fails.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/client_context.hpp"
#include "client/link/retry_schedule.hpp"
#include "client/progress_meter.hpp"
#include "client/write/block_bytes.hpp"
#include "client/write/block_rewrites.hpp"
#include "client/write/write_session.hpp"
#include "storage/blocks/slice_codec.hpp"

namespace minidfs::client {

// What is read and sent at a time: large enough for few system calls, small enough to stay in the
// processor's cache between reading, summing and sending. A frame of a pipeline takes as much.
inline constexpr std::size_t kChunkBytes = 512 * 1024;
static_assert(kChunkBytes % storage::kSliceBytes == 0);

// A block that at least one node has stored.
struct SentBlock {
  metadata::Block block;
  std::vector<NodeId> nodes;
  std::size_t targets = 0;  // Nodes of its pipeline: more than `nodes` when some were lost.
  std::string losses;       // Why, by node.
};

// The nodes of `ack` that stored the block. The first that did not gets no further block of this
// session; nodes behind it were cut off with it and are not to blame. Nor is it when the connection
// was `reused` and had stood idle before, for the node may only have restarted; but one that hangs
// always is. An error with every node's reason when none stored it.
Result<SentBlock> settle(WriteSession& session, const BlockGrant& grant, std::uint64_t length,
                         const transfer::BlockAck& ack, bool reused);

// The fewest copies that a block of `replication` may have for its write to succeed.
std::size_t copies_min(const Options& options, std::uint8_t replication);
// That there are fewer, and why.
Error too_few_copies(const SentBlock& sent, std::size_t copies_min);

// Decides whether blocks that could not be written are tried again, and gets new ones for it.
class WriteRetry {
 public:
  WriteRetry(ClientContext& context, WriteSession& session)
      : context_(context), session_(session) {}

  // Another pipeline after `why`, or an error that tells it when there is no more hope: no space
  // anywhere, or no success for the time-out of a request.
  Result<actors::PipelineGrant> next(const Error& why, const BlockDemand& demand);

 private:
  bool too_late() const;
  bool enough(const actors::PipelineGrant& grant, const BlockDemand& demand) const;

  ClientContext& context_;
  WriteSession& session_;
  Backoff backoff_;
  std::uint32_t failures_ = 0;
  std::chrono::steady_clock::time_point first_failure_;
};

// One try of one block: begun, fed, ended, then acknowledged. After an error only its destruction
// makes sense.
class BlockAttempt {
 public:
  // `fresh`: over no connection that stood idle.
  BlockAttempt(ClientContext& context, WriteSession& session, BlockGrant grant, bool fresh = false)
      : context_(context), session_(session), grant_(std::move(grant)), fresh_(fresh) {}

  // `length` is an upper bound when it is not known.
  Status begin(std::uint64_t length_max);
  // As SliceEncoder::encode. The encoder serves no other block until end().
  Status append(storage::SliceEncoder& encoder, std::span<const std::byte> raw);
  // Before more is appended: the pipeline in which the block shall begin again, when nodes of this
  // one were lost since the last call, the block is young, and that one has more nodes than are
  // left. The nodes are judged as by settle(), also when the block goes on here. An error when none
  // is left.
  Result<std::optional<BlockGrant>> replacement(BlockRewrites& rewrites, const BlockDemand& demand);
  Status end();
  // Waits for the ack, then gives the connection back.
  Result<SentBlock> settle_ack();

  std::uint64_t length() const { return length_; }
  const BlockGrant& grant() const { return grant_; }

 private:
  Status keep(Status status);
  Result<SentBlock> judge(const transfer::BlockAck& ack);

  ClientContext& context_;
  WriteSession& session_;
  BlockGrant grant_;
  bool fresh_;
  Pipeline pipeline_;
  std::chrono::nanoseconds busy_{0};  // Spent in calls of the pipeline.
  std::uint64_t length_ = 0;
  std::ptrdiff_t lost_ = 0;  // Nodes that were lost at the last call of replacement().
};

struct BlockSenderOptions {
  storage::Compression compression;
  std::uint8_t replication = 0;
  const std::atomic<bool>* stop = nullptr;  // Set by whoever gives the whole file up.
};

// Writes whole blocks, one after another. For one thread.
class BlockSender {
 public:
  BlockSender(ClientContext& context, WriteSession& session, ProgressMeter& progress,
              const BlockSenderOptions& options);

  Result<SentBlock> send(BlockGrant grant, BlockBytes& bytes);
  // After a first try elsewhere ended with `why`.
  Result<SentBlock> send_again(Error why, BlockBytes& bytes, BlockRewrites& rewrites);
  // After a first try elsewhere ended with `sent`: when copies were lost and there are nodes to
  // replace them, the block is written again. Fails when it has too few copies in the end.
  Result<SentBlock> complete(SentBlock sent, BlockBytes& bytes, BlockRewrites& rewrites);

 private:
  enum class Try { kFirst, kAgain };

  BlockDemand demand_for(const BlockBytes& bytes) const;
  // Begins again in a better pipeline when `rewrites` finds one on the way. An error of `bytes`
  // itself goes to `source_error_`. Only a first try takes a connection that stood idle.
  Result<SentBlock> try_once(BlockGrant grant, BlockBytes& bytes, Try which,
                             BlockRewrites& rewrites);
  // Up to the end of the block, or until it shall begin again in the pipeline that is returned.
  Result<std::optional<BlockGrant>> feed(BlockAttempt& attempt, BlockBytes& bytes,
                                         BlockRewrites& rewrites);

  ClientContext& context_;
  WriteSession& session_;
  ProgressMeter& progress_;
  BlockSenderOptions options_;
  storage::SliceEncoder encoder_;
  std::vector<std::byte> buffer_;
  std::optional<Error> source_error_;
};

}  // namespace minidfs::client
