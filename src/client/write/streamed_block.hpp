// One block of a source that can be read only once: sent while it is read, and kept so that it can
// be sent again. For one thread at a time; finish() may run on another one than the calls before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "client/write/block_bytes.hpp"
#include "client/write/block_rewrites.hpp"
#include "client/write/block_sender.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {

class StreamedBlock {
 public:
  // The encoder serves no other block until end(). All references outlive the block.
  StreamedBlock(ClientContext& context, WriteSession& session, ProgressMeter& progress,
                const BlockSenderOptions& options, storage::SliceEncoder& encoder,
                std::unique_ptr<ReplayBuffer> replay)
      : context_(context),
        session_(session),
        progress_(progress),
        options_(options),
        encoder_(encoder),
        replay_(std::move(replay)),
        retry_(context, session),
        rewrites_(session) {}

  // `grant` may be an error, which is returned unless time may mend it. `length_max`: at least as
  // long as the block will be.
  Status begin(Result<BlockGrant> grant, std::uint64_t length_max);

  // Sends what was read next. When the pipeline has failed, or lost a node that can be replaced,
  // the block begins again in another one, unless this is the `last` part: then finish() sees to
  // it. So it does when there is no other pipeline for the moment. Errors are those of the replay
  // buffer.
  Status append(std::span<const std::byte> chunk, bool last);
  void end();

  // Waits until the block is stored, however often it must be sent for that.
  Result<SentBlock> finish();

  std::uint64_t length() const { return replay_->length(); }
  std::unique_ptr<ReplayBuffer> take_replay() { return std::move(replay_); }

 private:
  Status catch_up();
  std::optional<BlockGrant> other_pipeline();
  void start(BlockGrant grant, bool fresh);
  void give(std::span<const std::byte> chunk);
  void note(Status tried);
  void abandon();

  ClientContext& context_;
  WriteSession& session_;
  ProgressMeter& progress_;
  BlockSenderOptions options_;
  storage::SliceEncoder& encoder_;
  std::unique_ptr<ReplayBuffer> replay_;
  BlockDemand demand_;
  WriteRetry retry_;
  BlockRewrites rewrites_;
  std::unique_ptr<BlockAttempt> attempt_;  // None after a failure, which is in tried_.
  Status tried_;
  int failures_ = 0;               // Pipelines that failed as a whole before the block's end.
  std::vector<std::byte> buffer_;  // Empty until something is read back from the replay buffer.
};

}  // namespace minidfs::client
