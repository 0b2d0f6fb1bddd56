// The reading end of the data plane: a connection to one datanode over which replicas, or parts of
// them, are read and verified. Requests are pipelined: many may be sent before the first is
// received. Not thread-safe; blocking calls bounded by the time-outs in the options.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "transfer/pipeline_writer.hpp"

namespace minidfs::transfer {

struct ReadRequest {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;  // Of the first wanted byte within the block, before compression.
  std::uint64_t length = 0;  // Wanted bytes; offset + length must not exceed the block's length.
  // As the namespace has it: a replica of another length is not one of this block. 0: not known.
  std::uint64_t block_length = 0;
};

// Takes verified, decompressed bytes in order; an error ends the transfer and is returned.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

// Who is told when the answer to a request stands still.
struct StallWatch {
  std::chrono::milliseconds after{0};  // Without a byte; 0 is never.
  std::function<Status()> stalled;     // Called once; an error gives the answer up.
};

class ReplicaClient {
 public:
  static Result<std::unique_ptr<ReplicaClient>> open(const metadata::Endpoint& datanode,
                                                     const ConnectionOptions& options);
  virtual ~ReplicaClient() = default;

  // All or, with an error that ends the connection, none of them count as sent.
  virtual Status request(std::span<const ReadRequest> requests) = 0;
  Status request(const ReadRequest& request) { return this->request({&request, 1}); }

  // Receives the whole of the oldest request. Errors of the replica (kNotFound, kStale, kCorrupt)
  // leave the connection in order and the next request can be received; all others end it (see
  // usable()). A slice whose checksum is wrong is never handed to the sink: kCorrupt.
  // When `watch` is told, every byte that has arrived and was verified was handed to the sink.
  virtual Status receive(const ByteSink& sink, const StallWatch& watch) = 0;
  Status receive(const ByteSink& sink) { return receive(sink, {}); }

  virtual bool usable() const = 0;

  // Waits until one of two connections has something to receive, or was closed; null when neither
  // has within `limit`.
  static const ReplicaClient* wait_for_either(const ReplicaClient& one, const ReplicaClient& other,
                                              std::chrono::milliseconds limit);

 protected:
  virtual int fd() const = 0;
};

}  // namespace minidfs::transfer
