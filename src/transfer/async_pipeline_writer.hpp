// A pipeline all of whose datanodes are elsewhere: one connection to the first of them, which
// connects to the next. Wire format: docs/formats.md, "Data plane".
//
// Waits end as ClientConnection says. While a block is open and nothing is sent, signs of life are,
// by the loop. PipelineWriter is the same for those who block.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "transfer/client_connection.hpp"
// The above comes first: see net/asio.hpp.
#include "transfer/block_pipeline.hpp"
#include "transfer/outgoing_frames.hpp"
#include "transfer/pipeline_state.hpp"

namespace minidfs::transfer {

class AsyncPipelineWriter final : public BlockPipeline {
 public:
  AsyncPipelineWriter(const asio::any_io_executor& executor,
                      std::vector<metadata::Endpoint> targets, const ConnectionOptions& options);
  AsyncPipelineWriter(const AsyncPipelineWriter&) = delete;
  AsyncPipelineWriter& operator=(const AsyncPipelineWriter&) = delete;

  // Connects to targets[0]; the later targets are connected by their predecessors.
  asio::awaitable<Status> open() override;

  Status begin_block(BlockId block, std::uint64_t generation,
                     std::uint64_t stored_bytes_hint) override;
  asio::awaitable<Status> append(std::span<const storage::Slice> slices,
                                 std::span<const std::byte> stored) override;
  using BlockPipeline::end_block;
  asio::awaitable<Status> end_block(Next next) override;
  // As PipelineWriter says.
  const std::optional<BlockAck>& losses() const override { return state_.losses(); }
  std::size_t unacknowledged() const { return state_.unacknowledged(); }
  asio::awaitable<Result<BlockAck>> wait_ack() override;
  void beat() override;
  void cancel() override { connection_.cancel(); }
  asio::any_io_executor executor() { return connection_.executor(); }
  // See ClientConnection.
  void leave_loop() override;
  void join_loop(const asio::any_io_executor& executor) override;

  // What of an operation can be done without waiting, for those who would rather not enter a loop.
  // As much is sent as the kernel takes; flush() sends the rest.
  Status begin_append(std::span<const storage::Slice> slices, std::span<const std::byte> stored);
  Status begin_end_block(Next next = Next::kSomeDay);
  bool flushed() const { return outgoing_.done(); }
  asio::awaitable<Status> flush();
  // The ack or the error, when it is there already.
  std::optional<Result<BlockAck>> try_wait_ack();

 private:
  std::optional<Result<BlockAck>> known_ack();
  Status send_gathered();
  Status send_now();
  Status sent_all();
  Status look();
  Status take_frames();
  void schedule_beat();
  Status keep(Status status);

  bool background_;
  std::uint8_t ahead_;
  Status broken_;  // The first error, which all later calls return.
  ClientConnection connection_;
  PipelineState state_;
  std::string pending_;  // Frames that are gathered.
  OutgoingFrames outgoing_;
  std::size_t ended_ = 0;                    // Blocks since it last looked.
  bool looks_ = false;                       // For frames from the node, when all is sent.
  std::optional<asio::steady_timer> pulse_;  // While it is on a loop.
  bool pulse_scheduled_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace minidfs::transfer
