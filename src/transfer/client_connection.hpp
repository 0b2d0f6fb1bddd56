// The client's end of one data connection: connects, shakes hands, and moves bytes with deadlines.
// What the frames mean is left to its users, AsyncPipelineWriter and AsyncReplicaClient.
//
// Everything happens on the loop of its executor and in one thread at a time. The calls whose names
// begin with try_ never wait, and come first; the operations wait for the socket.
// One operation at a time, which the object outlives. How each wait ends:
//   to connect                   connect_timeout, for all addresses of the name together
//   to be greeted                handshake_timeout without a sign of life
//   to send, or to receive       progress_timeout without one
// and cancel() ends all of them.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/dialer.hpp"
// The above comes first: see net/asio.hpp.
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "transfer/connection_options.hpp"

namespace minidfs::transfer {

class ClientConnection {
 public:
  // `buffer_bytes`: of the receive buffer; no frame (or head of one) may be larger.
  ClientConnection(const asio::any_io_executor& executor, const metadata::Endpoint& peer,
                   const ConnectionOptions& options, std::size_t buffer_bytes);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Connects, says who this is and `first_frames` as soon as the peer may hear them, and waits for
  // the Welcome (handshake.hpp).
  asio::awaitable<Status> open(std::string first_frames);

  // Sends from the front of `parts` what the kernel takes, and shortens them by that.
  Status try_send(std::span<iovec>& parts);
  // Sends what try_send() has left, as the peer takes it. The parts outlive the operation.
  asio::awaitable<Status> send(std::span<iovec> parts);
  // Called while a send waits, whenever new bytes stand in received(): frames are a sign of life.
  // An error ends the send.
  void on_received(std::function<Status()> take) { take_ = std::move(take); }

  // Sends `frame` when all that was sent before has arrived, and nothing otherwise. Any thread, but
  // not during a call or an operation. A failure shows in the next one.
  void send_if_idle(std::string_view frame);

  // Whether received() has grown. An end of stream is kUnavailable.
  Result<bool> try_fill();
  // When there was nothing: waits until received() has grown by at least a byte.
  asio::awaitable<Status> fill();
  // The same for at most `limit`; false when nothing came.
  asio::awaitable<Result<bool>> fill_within(std::chrono::milliseconds limit);

  std::span<const std::byte> received() const {
    return std::span<const std::byte>(buffer_.get() + begin_, end_ - begin_);
  }
  void consume(std::size_t bytes);

  // The peer is alive: the time-out starts again.
  void note_progress() { last_progress_ = Clock::now(); }

  // The operation under way ends with kCancelled, and all that follow.
  void cancel();

  // Calls `ready`, on the loop, once the socket has something to receive or was closed; not when
  // the connection ends or leaves its loop before.
  void when_readable(std::function<void()> ready);

  // Between operations the connection may go from one loop, and its thread, to another. What is not
  // on a loop can only join one, or end.
  void leave_loop();
  void join_loop(const asio::any_io_executor& executor);

  const std::string& name() const { return name_; }  // host:port
  // Of the interface, that both sides speak; 0 until it is open.
  InterfaceVersion version() const { return version_; }
  // REQUIRES: on a loop.
  asio::any_io_executor executor() { return loop_->watchdog.get_executor(); }

 private:
  using Clock = std::chrono::steady_clock;
  using Wait = asio::posix::descriptor_base::wait_type;

  // What belongs to the loop.
  struct OnLoop {
    explicit OnLoop(const asio::any_io_executor& executor) : socket(executor), watchdog(executor) {}
    asio::posix::stream_descriptor socket;
    asio::steady_timer watchdog;
  };

  asio::awaitable<Status> connect();
  asio::awaitable<Status> shake_hands(std::string first_frames);
  asio::awaitable<Status> send_whole(std::string bytes);
  // Until the socket may be ready. False when it was not in time, or all was cancelled.
  asio::awaitable<bool> wait(Wait what, Clock::time_point limit);
  bool is_ready(Wait what);
  asio::awaitable<Result<bool>> fill_until(Clock::time_point limit);
  Clock::time_point due() const { return std::min(wait_limit_, last_progress_ + timeout_); }
  void watch();
  void look_at_time();
  void listen();
  void take_while_sending();
  void stop_waiting();
  int fd() { return loop_->socket.native_handle(); }
  bool full() const { return begin_ == 0 && end_ == capacity_; }
  Error lost(std::string_view why) const;
  Error last_words(int error);
  Error late() const;

  const metadata::Endpoint peer_;
  const std::string name_;
  const ConnectionOptions options_;
  std::chrono::milliseconds timeout_;  // For the present phase.
  InterfaceVersion version_ = 0;
  std::optional<OnLoop> loop_;
  UniqueFd between_loops_;         // The socket while loop_ is none.
  net::Dialer* dialer_ = nullptr;  // While it dials.
  std::function<Status()> take_;
  bool cancelled_ = false;
  Clock::time_point last_progress_;

  // The present wait, and the one timer for all of them: it is set once and looks again when its
  // time has come, as most waits end long before.
  bool waiting_ = false;
  bool late_ = false;
  Clock::time_point wait_limit_;
  std::optional<Clock::time_point> watched_until_;
  std::uint64_t watch_number_ = 0;

  // A send that waits listens meanwhile.
  bool sending_ = false;
  bool listening_ = false;
  Status trouble_;  // What came of it.

  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;  // Invariant: begin_ <= end_ <= capacity_.
  std::size_t end_ = 0;
  // Handlers of this object may still stand in the loop when it has gone.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace minidfs::transfer
