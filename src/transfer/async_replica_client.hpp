// The reading end of the data plane: a connection to one datanode over which replicas, or parts of
// them, are read and verified. Requests are pipelined: many may be sent before the first is
// received.
//
// Belongs to the loop of its executor; one operation at a time, which the object outlives. Waits
// end as ClientConnection says. ReplicaClient is the same for those who block.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "transfer/client_connection.hpp"
// The above comes first: see net/asio.hpp.
#include "transfer/answer_reader.hpp"
#include "transfer/sum_answers.hpp"

namespace minidfs::transfer {

class AsyncReplicaClient {
 public:
  AsyncReplicaClient(const asio::any_io_executor& executor, const metadata::Endpoint& datanode,
                     const ConnectionOptions& options);

  // First of all. After an error the object is of no use.
  asio::awaitable<Status> open();

  // Sends requests, whose answers will come in this order. An error means that the connection is
  // lost.
  asio::awaitable<Status> request(std::span<const ReadRequest> requests);

  // Receives what is left of the answer to the oldest request, and says how it ended; none when
  // nothing came for `patience`, 0 being no limit but the progress time-out: then every byte that
  // has arrived and was verified was handed to the sink, and another call goes on. Errors of the
  // replica (kNotFound, kStale, kCorrupt) leave the connection in order and the next request can be
  // received; all others end it (see usable()). A slice whose checksum is wrong is never handed to
  // the sink: kCorrupt.
  asio::awaitable<std::optional<Status>> receive(const ByteSink& sink,
                                                 std::chrono::milliseconds patience = {});

  // The same for the sums of whole blocks, which the datanode makes itself. Between them and reads
  // no answer is left to be received. REQUIRES: can_sum(), as those of older versions cannot.
  bool can_sum() const { return connection_.version() >= kSumsSince; }
  asio::awaitable<Status> request_sum(SumBlock request);
  asio::awaitable<Result<BlockSum>> receive_sum();

  bool usable() const { return usable_ && answers_.in_step() && sums_.in_step(); }
  // The rest of the present answer is not wanted, so the connection cannot be used again.
  void give_up() { usable_ = false; }
  // Calls `ready` once there is more to receive, or the end of the connection.
  void when_readable(std::function<void()> ready) { connection_.when_readable(std::move(ready)); }
  // The operation under way ends with kCancelled, and all that follow.
  void cancel() { connection_.cancel(); }
  asio::any_io_executor executor() { return connection_.executor(); }

  // Between operations the client may go from one loop, and its thread, to another. What is not on
  // a loop can only join one, or end.
  void leave_loop() { connection_.leave_loop(); }
  void join_loop(const asio::any_io_executor& executor) { connection_.join_loop(executor); }

  // What of an operation can be done without waiting, for those who would rather not enter a loop.
  // Sends requests as far as the kernel takes them; flush() sends the rest.
  Status begin_request(std::span<const ReadRequest> requests);
  bool flushed() const { return out_.empty(); }
  asio::awaitable<Status> flush();
  // Receives what has arrived of the answer; how it ended, if it has. Otherwise finish_receive()
  // does the rest of receive().
  std::optional<Status> begin_receive(const ByteSink& sink);
  asio::awaitable<std::optional<Status>> finish_receive(const ByteSink& sink,
                                                        std::chrono::milliseconds patience);

 private:
  std::optional<Status> take_what_came(const ByteSink& sink);
  asio::awaitable<Result<bool>> wait_for_more(std::chrono::milliseconds patience);
  Status send_now();

  ClientConnection connection_;
  AnswerReader answers_;
  SumAnswers sums_;
  std::string out_;         // Not yet sent.
  bool receiving_ = false;  // The answer to the oldest request is waited for.
  bool turn_over_ = false;  // More of it may stand in the connection.
  bool usable_ = true;
};

}  // namespace minidfs::transfer
