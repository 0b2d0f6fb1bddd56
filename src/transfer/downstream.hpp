// The forwarding side of a pipeline on a datanode: the connection to the next node. Whatever goes
// wrong with it, it is dropped and its WriteSession told, once; the session goes on alone. Lives on
// the session's ServerLoop; its coroutine keeps it and the session alive.
//
// Its waits end, besides by drop(): to look the name up and to connect, after connect_timeout, of
// which every address of the name has its share; for frames that are due,
// after progress_timeout without any; for the next node to take bytes, after memory_timeout and
// progress_timeout, as it may have to wait for memory itself.
#pragma once

#include <optional>
#include <string>

#include "net/look_up.hpp"
#include "transfer/server_loop.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

class WriteSession;

class Downstream : public std::enable_shared_from_this<Downstream> {
 public:
  // `pipeline` as it came. REQUIRES: at least one target, the first of which is connected to.
  Downstream(ServerLoop& loop, std::shared_ptr<WriteSession> session, OpenPipeline pipeline);

  // Connects and greets; starts to listen for frames. Afterwards usable() tells how it went.
  asio::awaitable<void> open();
  bool usable() const { return !reason_.has_value(); }

  // What each target gets when the link was dropped. REQUIRES: !usable().
  std::vector<Outcome> outcomes() const;
  std::size_t target_count() const { return targets_.size(); }

  // Sends what goes without waiting; returns how much that is.
  std::size_t try_send(std::span<const std::byte> bytes);
  // Sends all, or ends early when the link is dropped.
  asio::awaitable<void> send(std::span<const std::byte> bytes);
  // No more blocks will come; acks still may.
  void end_sending();

  void drop(Error reason);
  // `frames_due`: the next node has something to answer, and signs of life to give until then.
  void sweep(Clock::time_point now, bool frames_due);
  void excuse(Clock::time_point now) { last_frame_ = last_taken_ = now; }

 private:
  asio::awaitable<std::vector<tcp::endpoint>> look_up();
  asio::awaitable<void> connect();
  bool send_failed(int error);
  asio::awaitable<void> read_frames();
  bool take_frames();

  ServerLoop& loop_;
  std::shared_ptr<WriteSession> session_;  // Let go when the link is dropped or at its end.
  std::vector<metadata::Endpoint> targets_;
  OpenPipeline rest_;  // What the next node is told.
  std::string name_;   // host:port of targets_[0].
  tcp::socket socket_;
  std::optional<Error> reason_;
  std::optional<net::Addresses> addresses_;  // Of name_.
  Signal looked_up_;
  bool connecting_ = false;
  Clock::time_point next_address_;  // When the present one has had its share of the time.
  bool sending_ = false;
  bool ended_ = false;
  Clock::time_point last_frame_;  // Came from the next node.
  Clock::time_point last_taken_;  // The next node took bytes.
  std::vector<std::byte> in_;
  std::size_t in_bytes_ = 0;
};

}  // namespace minidfs::transfer
