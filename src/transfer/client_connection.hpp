// The client's end of one data connection: connects, shakes hands, and moves bytes with deadlines.
// What the frames mean is left to its users, PipelineWriter and ReplicaClient. Not thread-safe.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "transfer/pipeline_writer.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

class ClientConnection {
 public:
  // Connects to `peer`, sends Hello followed by `first_frames`, and waits for the Welcome.
  // `buffer_bytes`: of the receive buffer; no frame (or head of one) may be larger.
  static Result<std::unique_ptr<ClientConnection>> open(const metadata::Endpoint& peer,
                                                        const ConnectionOptions& options,
                                                        std::size_t buffer_bytes,
                                                        std::string_view first_frames);

  // Sends everything in `parts`, which it changes on the way. While the peer takes nothing,
  // `on_received` is called whenever new bytes stand in received(); frames are a sign of life.
  Status send(std::span<iovec> parts, const std::function<Status()>& on_received);

  // Sends `frame` when all that was sent before has arrived, and nothing otherwise. Any thread, but
  // not during another call. A failure shows in the next one.
  void send_if_idle(std::string_view frame);

  // Waits until received() has grown by at least a byte.
  Status fill();
  // The same for at most `limit`; false when nothing came.
  Result<bool> fill_within(std::chrono::milliseconds limit);
  // The same without waiting; false when there was nothing. An end of stream is kUnavailable.
  Result<bool> try_fill();

  std::span<const std::byte> received() const {
    return std::span<const std::byte>(buffer_.get() + begin_, end_ - begin_);
  }
  void consume(std::size_t bytes);

  // The peer is alive: the time-out starts again.
  void note_progress();

  const std::string& name() const { return name_; }  // host:port
  int fd() const { return fd_.get(); }               // To be polled, nothing else.

 private:
  ClientConnection(UniqueFd fd, std::string name, const ConnectionOptions& options,
                   std::size_t buffer_bytes);
  Status shake_hands(const ConnectionOptions& options, std::string_view first_frames);
  Result<short> wait_for(short events);
  // A send gave `error`: waits until it may be tried again, or tells why not. `events` are those
  // that this send still waits for.
  Status wait_to_send(int error, short& events, const std::function<Status()>& on_received);
  Error lost(std::string_view why) const;

  UniqueFd fd_;
  std::string name_;
  std::chrono::milliseconds timeout_;
  const std::atomic<bool>* cancelled_;
  std::chrono::steady_clock::time_point last_progress_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;  // Invariant: begin_ <= end_ <= capacity_.
  std::size_t end_ = 0;
};

// The error that a Failure frame carries, or kProtocol when it does not decode.
Error failure_of(const Frame& frame, const std::string& peer);

// A frame that has no place where it came.
Error unexpected_frame(const Frame& frame, const std::string& peer);

}  // namespace minidfs::transfer
