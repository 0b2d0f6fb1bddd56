// The receiving half of a pipeline on a datanode: takes frames of blocks from its connection, gives
// them to the block store and to the next node, and answers with acks in the order of the blocks.
// Lives on the connection's ServerLoop; only the block store's finish() reports from elsewhere, and
// that is posted.
//
// Blocks are taken slice by slice as they arrive, so that nothing of them is held here while the
// writer has still to send the rest. Its waits: for input and memory, see Connection; for the next
// node, see Downstream; for acks to be due, until the block store and the next node have answered,
// which both have deadlines, or the connection breaks.
#pragma once

#include <bitset>
#include <deque>
#include <optional>

#include "transfer/downstream.hpp"
#include "transfer/server_connection.hpp"
#include "transfer/write_backlog.hpp"

namespace minidfs::transfer {

class WriteSession : public std::enable_shared_from_this<WriteSession> {
 public:
  WriteSession(std::shared_ptr<Connection> connection, OpenPipeline open);

  // Until the end of the stream, and then until every block that was ended is answered. An error is
  // to be told to the peer.
  asio::awaitable<Status> run();

  // Called by the connection.
  void sweep(Clock::time_point now);
  void excuse(Clock::time_point now);
  void upstream_closed();
  void output_moved() { changed_.notify(); }
  // Every block was ended and is answered.
  bool idle() const { return !block_ && pending_.empty(); }

  // Called by the downstream. An error drops it.
  Status downstream_acked(AckBlock ack);
  Status downstream_lost(const TargetLost& lost);
  void downstream_dropped();

 private:
  // The block being received.
  struct OpenBlock {
    BeginBlock begin;
    std::unique_ptr<storage::ReplicaWriter> writer;  // None after a failure.
    std::shared_ptr<WriteBacklog> backlog;           // Of the writer.
    Outcome failure;
    std::uint64_t slices = 0;
    std::uint64_t length = 0;
    bool short_slice = false;                  // The last slice was seen.
    std::bitset<kFurtherTargetsMax + 1> lost;  // Targets that the writer was told to be lost.
  };
  // A block that was ended and is not yet answered.
  struct PendingBlock {
    BlockId block;
    std::uint64_t stored_bytes = 0;
    std::unique_ptr<storage::ReplicaWriter> writer;  // Until `own` is known.
    std::optional<Outcome> own;
    std::optional<std::vector<Outcome>> below;  // Of the targets behind this node.
  };

  // The WriteSlices frame whose head was taken.
  struct OpenFrame {
    SliceArray array;
    std::size_t next = 0;   // The first slice that was not taken.
    std::size_t bytes = 0;  // Of the slices that were not taken.
  };

  asio::awaitable<Status> receive();
  asio::awaitable<Status> take_received();
  Status take_whole();
  Connection::Need need_of_frame() const;
  std::span<const std::byte> untaken() const { return connection_->received().subspan(taken_); }
  asio::awaitable<bool> wait_for_room();
  Status take_frame(const Frame& frame);
  Status begin_block(const BeginBlock& begin);
  storage::Readers readers() const;
  std::shared_ptr<WriteBacklog> make_backlog();
  bool is_full() const;
  Status begin_slices(const Frame& frame);
  bool take_slices();
  void write_slices(std::span<const storage::Slice> slices, std::span<const std::byte> stored);
  void forward(std::size_t end);
  Status end_block(const EndBlock& end);
  void finish(storage::ReplicaWriter& writer, std::uint64_t sequence);
  std::chrono::milliseconds judge_disks();
  void finished(std::uint64_t sequence, const Result<storage::ReplicaInfo>& result);
  void send_acks();
  void fail_block(const Error& error);
  void store_lost(BlockId block, const Error& error);
  void tell_lost(std::size_t target, const Outcome& outcome);
  void tell_cut_off();
  bool forwards() const { return downstream_ && downstream_->usable(); }

  std::shared_ptr<Connection> connection_;
  ServerLoop& loop_;
  OpenPipeline pipeline_;
  std::shared_ptr<Downstream> downstream_;  // None for the last node.
  std::optional<OpenBlock> block_;
  std::optional<OpenFrame> frame_;
  Connection::Need need_;  // To go on.
  std::deque<PendingBlock> pending_;
  std::uint64_t first_pending_ = 0;  // The sequence number of pending_.front().
  std::size_t forwarded_ = 0;        // Bytes of received() that the next node already has.
  std::size_t taken_ = 0;            // Bytes of received() that were taken.
  bool receiving_ = false;           // The next node is connected or given up.
  bool cut_off_told_ = false;        // The writer was told that the next node was dropped.
  Clock::time_point last_keep_alive_;
  Signal changed_;
};

}  // namespace minidfs::transfer
