// A pipeline whose first datanode is this process: its blocks go into the store of that datanode
// as they are, without a connection, and to the next datanodes through a pipeline of these.
//
// How each wait ends, besides by cancel():
//   for receive memory   the server's memory_timeout
//   for the disk         when the store has written, or gives the replica up (ReplicaWriter)
//   for the next nodes   as ClientConnection says
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/answer.hpp"
#include "transfer/async_pipeline_writer.hpp"
#include "transfer/block_pipeline.hpp"
#include "transfer/server_loop.hpp"
#include "transfer/write_backlog.hpp"

namespace minidfs::transfer {

class LocalPipelineWriter final : public BlockPipeline {
 public:
  // targets[0] is the datanode that `context` is of, which outlives this.
  LocalPipelineWriter(ServerContext& context, const asio::any_io_executor& executor,
                      std::vector<metadata::Endpoint> targets, const ConnectionOptions& options);
  ~LocalPipelineWriter() override;
  LocalPipelineWriter(const LocalPipelineWriter&) = delete;
  LocalPipelineWriter& operator=(const LocalPipelineWriter&) = delete;

  asio::awaitable<Status> open() override;
  Status begin_block(BlockId block, std::uint64_t generation,
                     std::uint64_t stored_bytes_hint) override;
  asio::awaitable<Status> append(std::span<const storage::Slice> slices,
                                 std::span<const std::byte> stored) override;
  using BlockPipeline::end_block;
  asio::awaitable<Status> end_block(Next next) override;
  const std::optional<BlockAck>& losses() const override { return losses_; }
  asio::awaitable<Result<BlockAck>> wait_ack() override;
  void beat() override;
  void cancel() override;
  void leave_loop() override;
  void join_loop(const asio::any_io_executor& executor) override;

 private:
  struct Replica;
  class Room;

  bool goes_further() const { return further_ && further_lost_.ok(); }
  Status note_further(Status status);
  asio::awaitable<void> store_here(std::span<const storage::Slice> slices,
                                   std::span<const std::byte> stored);
  asio::awaitable<void> wait_for_disk(Replica& replica);
  asio::awaitable<std::shared_ptr<ReceiveMemory::Piece>> take_memory(std::size_t bytes);
  void finish_here(Replica& replica);
  asio::awaitable<Status> wait_further(const Replica& replica, BlockAck& ack);
  asio::awaitable<Status> wait_here(Replica& replica, BlockAck& ack);
  void lose_further(BlockAck& ack) const;
  void note_losses();

  ServerContext& context_;
  asio::any_io_executor executor_;
  const std::vector<metadata::Endpoint> targets_;
  const storage::Readers readers_;
  std::optional<AsyncPipelineWriter> further_;  // None: this is the only datanode.
  Status further_lost_;                         // Since when nothing goes there any more.
  // The next nodes have taken something since they stood idle: until then it is no loss that they
  // are gone, for another pipeline may still find them.
  bool further_proven_ = false;
  Status broken_;  // The first error, which all later calls return.
  std::unique_ptr<Replica> open_;
  std::optional<CountActive> active_;  // While a block is open.
  std::deque<std::unique_ptr<Replica>> ended_;
  std::optional<BlockAck> losses_;
  std::function<void()> end_wait_;  // The present one that is not for the next nodes.
};

}  // namespace minidfs::transfer
