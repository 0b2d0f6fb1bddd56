// One accepted connection of the data server: handshake, buffers, deadlines, and the dispatch to
// reading (here, answers in read_session.cpp) or writing (WriteSession). Lives on one ServerLoop
// and is kept alive by its own coroutine.
#pragma once

#include "transfer/server_loop.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

class WriteSession;

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

  // Called by the loop's sweeper: ends waits that have lasted too long.
  void sweep(Clock::time_point now);
  void excuse(Clock::time_point now);

  // Incoming bytes. fill() waits for more of them, or for more room to put them; false at the end
  // of the stream, which may be an error.
  asio::awaitable<bool> fill();
  std::span<const std::byte> received() const {
    return std::span<const std::byte>(in_.bytes.get() + begin_, end_ - begin_);
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
  void expect_output_taken() { set_wait(Wait::kOutput); }
  // The peer need not do anything.
  void expect_nothing() { set_wait(Wait::kNothing); }

  // Lets other handlers of the thread run after so many bytes of work without a wait.
  asio::awaitable<void> share_thread(std::size_t worked_bytes);

  ServerLoop& loop() { return loop_; }
  const std::string& peer() const { return peer_; }

 private:
  // What the connection waits for, which decides about the time-out.
  enum class Wait : std::uint8_t { kNothing, kHello, kFrame, kIdle, kOutput };

  asio::awaitable<bool> shake_hands();
  asio::awaitable<Status> serve();
  asio::awaitable<Status> serve_read(const ReadBlock& request);
  asio::awaitable<bool> send_replica(std::shared_ptr<storage::ReplicaReader> replica,
                                     std::size_t first, std::size_t slices);
  asio::awaitable<bool> send_file(int fd, std::uint64_t offset, std::size_t bytes);
  Status append_replica(storage::ReplicaReader& replica, std::size_t first, std::size_t slices);
  void check_slice(const CorruptSlice& notice);
  asio::awaitable<bool> wait_readable();
  asio::awaitable<bool> wait_writable();
  asio::awaitable<void> make_room();
  void pump_out();
  void set_wait(Wait wait);

  ServerLoop& loop_;
  tcp::socket socket_;
  std::string peer_;
  WriteSession* writing_ = nullptr;  // Lives on the stack of serve().
  Buffer in_;
  std::size_t begin_ = 0;  // Invariant: begin_ <= end_ <= in_.capacity.
  std::size_t end_ = 0;
  std::string out_;
  std::size_t out_sent_ = 0;
  bool pump_scheduled_ = false;
  bool greeted_ = false;
  bool failed_ = false;
  Wait wait_ = Wait::kNothing;
  Clock::time_point wait_since_;
  std::size_t worked_bytes_ = 0;
};

}  // namespace minidfs::transfer
