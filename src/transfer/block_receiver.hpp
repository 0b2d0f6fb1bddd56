// The receiving half of a pipeline on a datanode: carries out on the writer's connection, the block
// store and the next node what PipelineReceiver decides, and tells it what happens. Lives on the
// connection's ServerLoop; only the block store reports from elsewhere, and that is posted.
//
// Blocks are taken slice by slice as they arrive, so that nothing of them is held here while the
// writer has still to send the rest. Its waits: for input and memory, see Connection; for the next
// node, see Downstream; for another command of the receiver, which has a deadline for each thing
// that it waits for, or until the connection breaks.
#pragma once

#include <map>
#include <optional>
#include <variant>

#include "transfer/downstream.hpp"
#include "transfer/open_frame.hpp"
#include "transfer/pipeline_receiver.hpp"
#include "transfer/server_connection.hpp"
#include "transfer/write_backlog.hpp"

namespace minidfs::transfer {

class BlockReceiver : public std::enable_shared_from_this<BlockReceiver> {
 public:
  BlockReceiver(std::shared_ptr<Connection> connection, OpenPipeline open);

  // Until the end of the stream, and then until every block that was ended is answered. An error is
  // to be told to the peer.
  asio::awaitable<Status> run();

  // Something has happened; what follows from it is done, or begun, within the call.
  void step(ReceiverEvent event);

  // Called by the connection.
  void sweep();
  void excuse() { step(Excused{}); }
  void upstream_closed() { step(WriterGone{}); }
  void output_moved() { tell_brakes(); }
  bool idle() const { return receiver_.idle(); }

 private:
  // The replica of a block, for as long as its disk is waited for.
  struct Replica {
    std::unique_ptr<storage::ReplicaWriter> writer;
    std::shared_ptr<WriteBacklog> backlog;
    std::shared_ptr<CountFile> file;
  };
  // Slices that the present event is about, and their bytes.
  struct Arrived {
    std::span<const storage::Slice> slices;
    std::span<const std::byte> stored;
  };

  asio::awaitable<void> obey(ConnectNext command);
  asio::awaitable<void> obey(Receive command);
  asio::awaitable<void> obey(ReleaseInput command);

  void act(const Receive& effect) { do_next(effect); }
  void act(const ReleaseInput& effect) { do_next(effect); }
  void act(const ConnectNext& effect);
  void act(const CreateReplica& effect);
  void act(const AppendSlices& effect);
  void act(const StoreReplica& effect);
  void act(const AbandonReplica& effect) { replicas_.erase(effect.block); }
  void act(const ForwardEarly&);
  void act(const EndSending&) { downstream_->end_sending(); }
  void act(const HangUpNext&) { downstream_->hang_up(); }
  void act(const AckBlock& ack) { answer(FrameType::kAckBlock, ack); }
  void act(const TargetLost& lost) { answer(FrameType::kTargetLost, lost); }
  void act(const KeepAlive& alive) { answer(FrameType::kKeepAlive, alive); }
  void act(const ExpectOutputTaken& effect);
  void act(ClosePipeline& effect);

  // What the coroutine does next. A later command takes the place of one that it has not seen.
  using Command = std::variant<std::monostate, ConnectNext, Receive, ReleaseInput>;
  void do_next(Command command);
  template <class T>
  void answer(FrameType type, const T& frame) {
    append_frame(connection_->out(), type, frame);
    if (!connection_->closed()) connection_->send_soon();
  }

  // --- Input (block_receiver_input.cpp) ---
  void take_whole();
  Result<std::optional<ReceiverEvent>> event_of(const Frame& frame);
  void take_slices();
  Status verify(const Arrived& arrived) const;
  Connection::Need need_of_frame() const;
  Connection::Need need_of_head(std::size_t bytes) const;
  bool may_lend_input() const;
  bool forwards() const { return downstream_ && downstream_->usable(); }
  asio::awaitable<Status> take_memory_to_forward();
  asio::awaitable<bool> lend_input(std::uint64_t input);
  std::span<const std::byte> untaken() const { return connection_->received().subspan(taken_); }

  // --- The disk ---
  storage::Readers readers() const;
  std::shared_ptr<WriteBacklog> make_backlog();
  Brakes brakes() const;
  void tell_brakes();

  std::shared_ptr<Connection> connection_;
  ServerLoop& loop_;
  OpenPipeline pipeline_;
  PipelineReceiver receiver_;
  std::shared_ptr<Downstream> downstream_;  // None for the last node.
  Command command_;
  std::optional<Status> end_;
  std::map<std::uint64_t, Replica> replicas_;  // By the number of their block.
  std::optional<CountActive> active_;          // While a block is being received.
  std::optional<OpenFrame> frame_;
  bool lends_ = false;  // The disk has taken some of the open block for itself.
  Arrived arrived_;
  Connection::Need need_;      // To go on.
  std::size_t taken_ = 0;      // Bytes of received() that were taken.
  std::size_t forwarded_ = 0;  // Of them, that the next node already has.
  Signal changed_;
};

}  // namespace minidfs::transfer
