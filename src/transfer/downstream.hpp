// The connection of a pipeline's datanode to the next node. Does what its BlockReceiver says and
// tells it what happens; when it is left is decided there (pipeline_receiver). Lives on the
// receiver's ServerLoop; its coroutine keeps it and the receiver alive.
//
// Its waits, for names, addresses, room in the socket and frames, end with hang_up(), which the
// receiver calls in time.
#pragma once

#include <optional>
#include <string>

#include "net/dialer.hpp"
#include "transfer/handshake.hpp"
#include "transfer/pipeline_steps.hpp"
#include "transfer/server_loop.hpp"
#include "transfer/socket_handle.hpp"
// The above come first: see net/asio.hpp.
#include <boost/asio/posix/stream_descriptor.hpp>

namespace minidfs::transfer {

class BlockReceiver;

class Downstream : public std::enable_shared_from_this<Downstream> {
 public:
  // `pipeline` as it came. REQUIRES: at least one target, the first of which is connected to.
  Downstream(ServerLoop& loop, std::shared_ptr<BlockReceiver> receiver,
             const OpenPipeline& pipeline);

  // Connects and says who this is, then listens for frames. The next node counts as connected when
  // it may be sent blocks.
  asio::awaitable<void> open();

  bool usable() const { return receiver_ != nullptr; }
  // The socket, for threads of disks.
  Result<std::shared_ptr<UniqueFd>> handle() { return handle_.of(socket_.native_handle(), name_); }

  // Sends what goes without waiting; returns how much that is. took() when another thread has.
  std::size_t try_send(std::span<const std::byte> bytes);
  void took(std::size_t bytes);
  // Sends all, or ends early when the link is hung up.
  asio::awaitable<void> send(std::span<const std::byte> bytes);
  // No more blocks will come; acks still may.
  void end_sending();
  void hang_up();

 private:
  void tell(ReceiverEvent event);
  void fail(Errc code, std::string message);
  bool send_failed(int error);
  asio::awaitable<void> read_frames();
  Result<std::optional<ReceiverEvent>> event_of(const Frame& frame);
  Result<std::optional<ReceiverEvent>> on_greeting(const Frame& frame);
  std::string greeting_end() const;
  bool take_frames();

  ServerLoop& loop_;
  std::shared_ptr<BlockReceiver> receiver_;  // None when the link was hung up.
  net::Host host_;
  std::string name_;   // host:port.
  OpenPipeline rest_;  // What the next node is told.
  ClientHandshake handshake_;
  net::Dialer dialer_;
  asio::posix::stream_descriptor socket_;
  SocketHandle handle_;
  std::vector<std::byte> in_;
  std::size_t in_bytes_ = 0;
};

}  // namespace minidfs::transfer
