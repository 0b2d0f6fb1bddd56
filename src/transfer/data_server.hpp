// The serving end of the data plane on a datanode: receives blocks into the block store, forwards
// them along the pipeline, and sends replicas to readers. Runs on its own threads (Asio). Every
// connection has a bounded share of memory and must make progress; garbage closes only the
// connection it came over.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "auth/credentials.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "net/connection_shares.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::transfer {

class PipelineLeader;  // See block_pipeline.hpp.

struct DataServerOptions {
  metadata::Endpoint listen;  // Port 0: any free one.
  // Asked of those who connect, and proven to the next nodes of pipelines; null: all are let in.
  auth::CredentialsPtr credentials{};
  unsigned threads = 2;
  // Strangers are connections that are not let in yet, members all others. Each loop has its part.
  net::ConnectionShares::Limits shares{.spare_after = std::chrono::milliseconds(200)};
  // Files of blocks that are larger than this, or of unknown size, count against the second number:
  // when so many are being received or stored, a pipeline begins none beside another of its own.
  std::uint64_t packed_bytes_max = 1U << 20U;
  std::uint32_t block_files_max = 1024;
  std::chrono::milliseconds handshake_timeout{5000};
  std::chrono::milliseconds connect_timeout{2000};   // To the next node of a pipeline.
  std::chrono::milliseconds progress_timeout{5000};  // Of a peer in the middle of an operation.
  // A disk that has work of a block for so long without progress fails the block: here, or on the
  // next node of a pipeline.
  std::chrono::milliseconds disk_timeout{10'000};
  // How long a writer may wait for receive memory, and for the next node to take what it sent.
  std::chrono::milliseconds memory_timeout{30'000};
};

// What the datanode wants to hear. Called from the server's threads, those of writers in its
// process and of the store; must not block.
class DataServerEvents {
 public:
  virtual ~DataServerEvents() = default;
  virtual void replica_stored(const storage::ReplicaInfo& replica) = 0;
  // A reader or the server itself found the local replica bad.
  virtual void replica_corrupt(BlockId block, std::uint64_t generation, std::string reason) = 0;
};

struct DataServerLoad {
  std::uint32_t active_writes = 0;  // Blocks being received.
  std::uint32_t active_reads = 0;
  std::uint32_t connections = 0;
  std::uint64_t bytes_received = 0;  // Since the start.
  std::uint64_t bytes_sent = 0;
  std::uint64_t receive_bytes = 0;  // Receive memory in use.
};

class DataServer {
 public:
  // Errors: kInUse or others for the listening address, with the address in the message.
  static Result<std::unique_ptr<DataServer>> start(const DataServerOptions& options,
                                                   storage::BlockStore& store,
                                                   DataServerEvents& events);
  // Stops accepting, closes every connection and joins the threads, within a second.
  virtual ~DataServer() = default;

  virtual std::uint16_t port() const = 0;
  // For writers in this process.
  virtual PipelineLeader& leader() = 0;
  virtual DataServerLoad load() const = 0;
};

}  // namespace minidfs::transfer
