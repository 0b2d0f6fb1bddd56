// The writing end of the data plane: one connection to the first datanode of a pipeline, over which
// any number of blocks are sent one after another. Each datanode stores a block and forwards it to
// the next while it arrives. Wire format: docs/formats.md, "Data plane".
//
// Belongs to the loop of its executor; one operation at a time, which the object outlives. Waits
// end as ClientConnection says. While a block is open and nothing is sent, signs of life are, by
// the loop. PipelineWriter is the same for those who block.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "transfer/client_connection.hpp"
// The above comes first: see net/asio.hpp.
#include "transfer/outgoing_frames.hpp"
#include "transfer/pipeline_state.hpp"

namespace minidfs::transfer {

class AsyncPipelineWriter {
 public:
  AsyncPipelineWriter(const asio::any_io_executor& executor,
                      std::vector<metadata::Endpoint> targets, const ConnectionOptions& options);
  AsyncPipelineWriter(const AsyncPipelineWriter&) = delete;
  AsyncPipelineWriter& operator=(const AsyncPipelineWriter&) = delete;

  // First of all: connects to targets[0]; the later targets are connected by their predecessors. A
  // later target that fails is reported in the acks and the others go on. Errors: kUnavailable,
  // kTimedOut, kWrongCluster, kProtocol, kCancelled. After one the object is of no use.
  asio::awaitable<Status> open();

  // A block is begun, gets its slices in order, and is ended; then the next may begin without
  // waiting for the ack. With kAtOnce the next one does, so that small blocks are gathered and
  // travel together; an ack that is waited for waits for none. An error of any of these means that
  // targets[0] is lost: the writer is of no more use and every block without an ack must be written
  // again by another. `slices` and `stored` stay where they are until append() has ended.
  Status begin_block(BlockId block, std::uint64_t generation, std::uint64_t stored_bytes_hint);
  asio::awaitable<Status> append(std::span<const storage::Slice> slices,
                                 std::span<const std::byte> stored);
  enum class Next : std::uint8_t { kSomeDay, kAtOnce };
  asio::awaitable<Status> end_block(Next next = Next::kSomeDay);

  // As PipelineWriter says.
  const std::optional<BlockAck>& losses() const { return state_.losses(); }
  std::size_t unacknowledged() const { return state_.unacknowledged(); }

  // Waits for the ack of the oldest block that was ended. A block that not even targets[0] could
  // store gives an ack with no `stored` set, not an error.
  asio::awaitable<Result<BlockAck>> wait_ack();

  // The operation under way ends with kCancelled, and all that follow.
  void cancel() { connection_.cancel(); }
  asio::any_io_executor executor() { return connection_.executor(); }

  // Between blocks it may go from one loop, and its thread, to another; see ClientConnection.
  void leave_loop();
  void join_loop(const asio::any_io_executor& executor);

  // What of an operation can be done without waiting, for those who would rather not enter a loop.
  // As much is sent as the kernel takes; flush() sends the rest.
  Status begin_append(std::span<const storage::Slice> slices, std::span<const std::byte> stored);
  Status begin_end_block(Next next = Next::kSomeDay);
  bool flushed() const { return outgoing_.done(); }
  asio::awaitable<Status> flush();
  // The ack or the error, when it is there already.
  std::optional<Result<BlockAck>> try_wait_ack();
  // A sign of life, when a block is open and all that was sent has arrived: for those whose loop
  // stands still, as that of a thread that waits for its source. Any thread, but not during a call
  // or an operation.
  void beat();

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
