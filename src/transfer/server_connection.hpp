// One accepted connection of the data server: handshake, input and output, deadlines, and the
// dispatch to reading (here, answers in connection_reads.cpp and connection_sums.cpp) or writing
// (BlockReceiver). Lives on one ServerLoop and is kept alive by its own coroutine.
//
// How each wait ends; close() ends all of them, and the loop's end closes all connections:
//   for all of the handshake           handshake_timeout
//   for the rest of a frame or block   progress_timeout without a byte more; behind other nodes of
//   a
//                                      pipeline longer (PipelineReceiver)
//   for a request, or a next block     kIdleTimeout (10 minutes), or when its place is needed
//   for the peer to take output        progress_timeout without a byte less
//   for receive memory                 memory_timeout, or when the connection breaks
//   for the disk or the next node      theirs (BlockReceiver, Downstream), or when it breaks
#pragma once

#include "transfer/disk_answers.hpp"
#include "transfer/peer_wait.hpp"
#include "transfer/server_loop.hpp"
#include "transfer/socket_handle.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

class BlockReceiver;
class ReplicaFrames;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerLoop& loop, tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  asio::awaitable<void> run();

  // Closes the socket, upon which all coroutines of the connection end.
  void close();
  bool closed() const { return !socket_.is_open(); }
  // Of its loop.
  std::uint64_t number() const { return number_; }
  // Since when it waits for a request; time_point::max() when it does not.
  Clock::time_point idle_since() const;

  // Called by the loop's sweeper: ends waits that have lasted too long.
  void sweep(Clock::time_point now);
  void excuse(Clock::time_point now);

  // Requests: they are received into a small head of the connection. fill() waits for more bytes
  // after those of received(); false at the end of the stream, which may be an error.
  asio::awaitable<bool> fill();

  // Blocks: from the first call of receive() on. Their bytes stay in the kernel until they are
  // consumed; received() shows a copy in leased memory, which release() gives back and which is
  // never held while the peer is waited for. What was not consumed is shown again.
  // Frames up to this size are taken many at a time.
  static constexpr std::size_t kSmallBytes = 64 * 1024;
  struct Need {
    std::size_t least = kFrameHeaderBytes;  // At most ReceiveMemory::kPieceBytesMax.
    std::size_t ideal = kFrameHeaderBytes;  // At least `least`; waited for while more may come.
    std::size_t most =
        ReceiveMemory::kPieceBytesMax;  // Of a small `ideal`; unless `least` is more.
  };
  struct Input {
    std::size_t hops = 0;  // Further nodes that the bytes go to.
    Need need;
    bool in_block = false;                  // The peer owes us more.
    std::chrono::milliseconds patience{0};  // With a peer from which no more of a frame comes.
  };
  // Shows at least need.least bytes. False at the end of the stream; an error when there was no
  // memory for too long.
  asio::awaitable<Result<bool>> receive(Input input);
  // The first half of receive(): waits, and shows nothing. False at the end of the stream.
  asio::awaitable<bool> wait_for(Input input);
  // Whether so many bytes can be received without waiting.
  bool stands(std::size_t bytes) { return spill_.size() + standing_bytes() >= bytes; }
  // Lends what is to come to another thread, by handle(): first what was received already, then
  // what the kernel has. Nothing else may be called meanwhile but what sends; REQUIRES: nothing is
  // shown.
  std::vector<std::byte> lend_spill();
  // Shows of memory() what is `unsent`, which comes before the rest.
  void take_back(std::vector<std::byte> spill, std::size_t received_bytes,
                 std::span<const std::byte> unsent);
  // The memory that receive() takes by itself. None, without an error, when the connection closes.
  asio::awaitable<Status> take_memory(std::size_t hops, std::size_t bytes);
  void release();
  // Keeps what received() shows where it is, beyond release().
  std::shared_ptr<ReceiveMemory::Piece> memory() const { return piece_; }

  std::span<const std::byte> received() const {
    return std::span<const std::byte>(buffer() + begin_, end_ - begin_);
  }
  void consume(std::size_t bytes) { begin_ += bytes; }

  // Outgoing bytes. send_soon() sends what out() holds at the end of the current round of handlers
  // and as the socket takes it, without waiting; drain() waits for that.
  std::string& out() { return out_; }
  std::size_t out_bytes() const { return out_.size() - out_sent_; }
  void send_soon();
  asio::awaitable<bool> drain(bool more = false);

  // Says why and ends the connection so that the peer can still read it.
  asio::awaitable<void> fail(Error error);

  // The peer must now read what was sent, else the connection ends.
  void expect_output_taken() {
    if (wait_.what() != Wait::kOutput) set_wait(Wait::kOutput);
  }
  // The peer need not do anything.
  void expect_nothing() { set_wait(Wait::kNothing); }

  // Lets other handlers of the thread run after so many bytes of work without a wait.
  asio::awaitable<void> share_thread(std::size_t worked_bytes);

  // The socket, for threads of disks.
  Result<std::shared_ptr<UniqueFd>> handle() { return handle_.of(socket_.native_handle(), peer_); }

  ServerLoop& loop() { return loop_; }
  const std::string& peer() const { return peer_; }

 private:
  using Wait = PeerWait::For;

  asio::awaitable<bool> shake_hands();
  void tell_refused(auth::Role role, const Error& why);
  asio::awaitable<Status> serve();
  using Opened = Result<std::shared_ptr<storage::ReplicaReader>>;
  asio::awaitable<Status> serve_reads();
  Result<std::vector<ReadBlock>> take_reads();
  std::shared_ptr<DiskAnswers<Opened>> open_replicas(std::span<const ReadBlock> reads);
  asio::awaitable<Status> serve_read(const ReadBlock& request, Opened opened);
  asio::awaitable<bool> send_replica(std::shared_ptr<storage::ReplicaReader> replica,
                                     std::size_t first, std::size_t slices);
  asio::awaitable<Result<std::vector<std::byte>>> read_replica(
      std::shared_ptr<storage::ReplicaReader> replica, std::uint64_t offset, std::size_t bytes);
  asio::awaitable<Status> append_replica(std::shared_ptr<storage::ReplicaReader> replica,
                                         std::size_t first, std::size_t slices);
  asio::awaitable<Status> send_frames(std::shared_ptr<storage::ReplicaReader> replica,
                                      std::shared_ptr<ReplicaFrames> frames);
  Status answer_failed(const ReadBlock& request, const Error& error);
  asio::awaitable<void> check_slice(CorruptSlice notice);
  asio::awaitable<Status> serve_sum(SumBlock request);
  asio::awaitable<Result<BlockSum>> sum_replica(std::shared_ptr<storage::ReplicaReader> replica);
  void tell_bad(const storage::ReplicaReader& replica, const Error& error);
  const std::byte* buffer() const { return piece_ ? piece_->bytes().data() : head_.data(); }
  asio::awaitable<bool> wait_readable(Wait wait);
  asio::awaitable<bool> wait_readable(Wait wait, std::chrono::milliseconds limit);
  asio::awaitable<bool> wait_writable();
  asio::awaitable<bool> gather(std::size_t least);
  std::size_t standing_bytes();
  bool ended();
  bool broken();
  void discard(std::size_t bytes);
  void set_low_water(std::size_t bytes);
  void count_received(std::size_t bytes);
  void pump_out();
  std::chrono::milliseconds limit_of(Wait wait) const;
  void set_wait(Wait wait) { wait_.begin(wait, Clock::now(), limit_of(wait)); }

  ServerLoop& loop_;
  std::uint64_t number_ = 0;
  tcp::socket socket_;
  SocketHandle handle_;
  std::string peer_;
  BlockReceiver* receiver_ = nullptr;            // Lives on the stack of serve().
  std::vector<std::byte> head_;                  // Of requests.
  std::shared_ptr<ReceiveMemory::Piece> piece_;  // Of blocks.
  MemoryWait* memory_wait_ = nullptr;            // The present one.
  // Of the buffer: what received() shows. Invariant: begin_ <= end_ <= its size.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t taken_ = 0;         // Bytes of piece_ that no longer stand in the kernel.
  std::vector<std::byte> spill_;  // Such bytes that were not consumed; few.
  std::size_t low_water_ = 1;     // Bytes that make the socket readable.
  std::size_t seen_bytes_ = 0;    // Standing in the kernel at the last sweep.
  std::string out_;
  std::size_t out_sent_ = 0;
  bool pump_scheduled_ = false;
  bool greeted_ = false;
  PeerWait wait_;
  std::size_t worked_bytes_ = 0;
  std::uint32_t checks_ = 0;  // Of slices that the peer called bad, in the present second.
  Clock::time_point checks_since_;
};

}  // namespace minidfs::transfer
