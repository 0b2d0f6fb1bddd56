// AsyncReplicaClient for those who block: the same calls, on a loop in the thread of the caller,
// bounded by the time-outs in the options. Not thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "metadata/types.hpp"
#include "transfer/answer_reader.hpp"
#include "transfer/connection_options.hpp"

namespace minidfs::net {
class BlockingLoop;
}

namespace minidfs::transfer {

class AsyncReplicaClient;

// Who is told when the answer to a request stands still.
struct StallWatch {
  std::chrono::milliseconds after{0};  // Without a byte; 0 is never.
  std::function<Status()> stalled;     // Called once; an error gives the answer up.
};

class ReplicaClient {
 public:
  // A thread may have one loop for all of its clients; without one the client has its own.
  using Loop = std::shared_ptr<net::BlockingLoop>;
  static Result<std::unique_ptr<ReplicaClient>> open(const metadata::Endpoint& datanode,
                                                     const ConnectionOptions& options,
                                                     Loop loop = nullptr);
  // Of a client that is open and on no loop.
  static Result<std::unique_ptr<ReplicaClient>> adopt(std::unique_ptr<AsyncReplicaClient> client,
                                                      Loop loop = nullptr);
  // The same back, for another loop. REQUIRES: every answer was received.
  static std::unique_ptr<AsyncReplicaClient> release(std::unique_ptr<ReplicaClient> client);
  ~ReplicaClient();

  // Sends requests, together; their answers come in this order.
  Status request(std::span<const ReadRequest> requests);
  Status request(const ReadRequest& one) { return request(std::span(&one, 1)); }

  // Receives the whole of the oldest request. Errors of the replica (kNotFound, kStale, kCorrupt)
  // leave the connection in order and the next request can be received; all others end it (see
  // usable()). A slice whose checksum is wrong is never handed to the sink: kCorrupt.
  // When `watch` is told, every byte that has arrived and was verified was handed to the sink.
  Status receive(const ByteSink& sink, const StallWatch& watch);
  Status receive(const ByteSink& sink) { return receive(sink, {}); }

  bool usable() const;

 private:
  struct Parts;
  explicit ReplicaClient(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace minidfs::transfer
