// Data servers with fake stores in this process, and the few steps that every test of the data
// plane repeats.
#pragma once

#include <catch2/catch.hpp>
#include <condition_variable>
#include <random>
#include <thread>

#include "storage/blocks/slice_codec.hpp"
#include "transfer/data_server.hpp"
#include "transfer/pipeline_writer.hpp"
#include "transfer/replica_client.hpp"
#include "unit/transfer/fake_block_store.hpp"

namespace minidfs::transfer {

inline constexpr ClusterId kCluster{1, 2};
inline constexpr std::uint64_t kGeneration = 3;

inline std::string random_bytes(std::size_t size, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Remembers what a server says; wait_until() sleeps on a condition variable, not on time.
class RecordedEvents final : public DataServerEvents {
 public:
  void replica_stored(const storage::ReplicaInfo& replica) override {
    const std::lock_guard lock(mutex_);
    stored_.push_back(replica);
    changed_.notify_all();
  }
  void replica_corrupt(BlockId block, std::uint64_t, std::string) override {
    const std::lock_guard lock(mutex_);
    corrupt_.push_back(block);
    changed_.notify_all();
  }
  bool wait_stored(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return stored_.size() >= count; });
  }
  bool wait_corrupt(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return corrupt_.size() >= count; });
  }
  std::size_t corrupt_count() {
    const std::lock_guard lock(mutex_);
    return corrupt_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<storage::ReplicaInfo> stored_;
  std::vector<BlockId> corrupt_;
};

struct Node {
  explicit Node(DataServerOptions options = {}, ClusterId cluster = kCluster) : store(cluster) {
    options.listen = {"127.0.0.1", 0};
    auto started = DataServer::start(options, store, events);
    REQUIRE(started.ok());
    server = *std::move(started);
  }
  metadata::Endpoint endpoint() const { return {"127.0.0.1", server->port()}; }

  FakeBlockStore store;
  RecordedEvents events;
  std::unique_ptr<DataServer> server;
};

// As short as a test can wait, and long enough for good peers on a busy machine.
inline constexpr std::chrono::milliseconds kImpatient{1500};

inline DataServerOptions impatient_server() {
  DataServerOptions options;
  options.handshake_timeout = options.connect_timeout = options.progress_timeout = kImpatient;
  return options;
}

inline DataServerOptions pipeline_server() {
  DataServerOptions options;
  options.progress_timeout = kImpatient;
  return options;
}

// Whether the condition came true: for what another thread does a moment later.
template <class Condition>
bool comes_true(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline ConnectionOptions good_client() { return {.cluster = kCluster}; }

inline std::vector<metadata::Endpoint> endpoints_of(
    const std::vector<std::unique_ptr<Node>>& nodes) {
  std::vector<metadata::Endpoint> endpoints;
  for (const auto& node : nodes) endpoints.push_back(node->endpoint());
  return endpoints;
}

inline std::vector<std::unique_ptr<Node>> make_nodes(std::size_t count,
                                                     DataServerOptions options = {}) {
  std::vector<std::unique_ptr<Node>> nodes;
  for (std::size_t i = 0; i < count; ++i) nodes.push_back(std::make_unique<Node>(options));
  return nodes;
}

// Sends `bytes` as one block in appends of at most 1 MiB, up to and including the end.
inline Status send_block(PipelineWriter& writer, BlockId block, const std::string& bytes,
                         const char* compression = "none") {
  storage::SliceEncoder encoder(*storage::parse_compression(compression));
  encoder.begin_block(block, kGeneration);
  MDFS_CHECK(writer.begin_block(block, kGeneration, 0));
  const auto all = std::as_bytes(std::span(bytes));
  for (std::size_t at = 0; at < all.size();) {
    const auto raw = all.subspan(at, std::min<std::size_t>(all.size() - at, 1 << 20));
    const auto encoded = encoder.encode(raw);
    MDFS_CHECK(writer.append(encoded.slices, encoded.stored));
    at += raw.size();
  }
  return writer.end_block();
}

inline BlockAck write_block(PipelineWriter& writer, BlockId block, const std::string& bytes,
                            const char* compression = "none") {
  const auto sent = send_block(writer, block, bytes, compression);
  INFO((sent.ok() ? "" : sent.error().message));
  REQUIRE(sent.ok());
  auto ack = writer.wait_ack();
  INFO((ack.ok() ? "" : ack.error().message));
  REQUIRE(ack.ok());
  REQUIRE(ack->block == block);
  return *ack;
}

inline std::unique_ptr<PipelineWriter> open_writer(std::vector<metadata::Endpoint> targets,
                                                   ConnectionOptions options = good_client()) {
  auto writer = PipelineWriter::open(std::move(targets), options);
  INFO((writer.ok() ? "" : writer.error().message));
  REQUIRE(writer.ok());
  return *std::move(writer);
}

inline std::unique_ptr<ReplicaClient> open_client(const Node& node,
                                                  ConnectionOptions options = good_client()) {
  auto client = ReplicaClient::open(node.endpoint(), options);
  INFO((client.ok() ? "" : client.error().message));
  REQUIRE(client.ok());
  return *std::move(client);
}

inline Result<std::string> receive_all(ReplicaClient& client) {
  std::string bytes;
  MDFS_CHECK(client.receive([&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return Status();
  }));
  return bytes;
}

inline Result<std::string> read_range(ReplicaClient& client, BlockId block, std::uint64_t offset,
                                      std::uint64_t length) {
  MDFS_CHECK(client.request({block, kGeneration, offset, length}));
  return receive_all(client);
}

}  // namespace minidfs::transfer
