#include "transfer/async_replica_client.hpp"
// The above comes first: see net/asio.hpp.
#include "net/blocking_loop.hpp"
#include "transfer/replica_client.hpp"

namespace minidfs::transfer {

struct ReplicaClient::Parts {
  explicit Parts(Loop shared_loop) : loop(std::move(shared_loop)) {}

  Status prepare(const std::atomic<bool>* cancelled) {
    if (loop) return {};
    MDFS_TRY(loop, net::BlockingLoop::make(cancelled));
    return {};
  }
  std::optional<Status> finish_receive(const ByteSink& sink, std::chrono::milliseconds patience) {
    return loop->run(*client, client->finish_receive(sink, patience));
  }

  Loop loop;
  std::unique_ptr<AsyncReplicaClient> client;
};

ReplicaClient::ReplicaClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<ReplicaClient>> ReplicaClient::adopt(
    std::unique_ptr<AsyncReplicaClient> client, Loop loop) {
  auto parts = std::make_unique<Parts>(std::move(loop));
  MDFS_CHECK(parts->prepare(nullptr));
  client->join_loop(parts->loop->executor());
  parts->client = std::move(client);
  return std::unique_ptr<ReplicaClient>(new ReplicaClient(std::move(parts)));
}

std::unique_ptr<AsyncReplicaClient> ReplicaClient::release(std::unique_ptr<ReplicaClient> client) {
  client->parts_->client->leave_loop();
  return std::move(client->parts_->client);
}

ReplicaClient::~ReplicaClient() = default;

Result<std::unique_ptr<ReplicaClient>> ReplicaClient::open(const metadata::Endpoint& datanode,
                                                           const ConnectionOptions& options,
                                                           Loop loop) {
  auto parts = std::make_unique<Parts>(std::move(loop));
  MDFS_CHECK(parts->prepare(options.cancelled));
  parts->client = std::make_unique<AsyncReplicaClient>(parts->loop->executor(), datanode, options);
  MDFS_CHECK(parts->loop->run(*parts->client, parts->client->open()));
  return std::unique_ptr<ReplicaClient>(new ReplicaClient(std::move(parts)));
}

Status ReplicaClient::request(std::span<const ReadRequest> requests) {
  auto& client = *parts_->client;
  MDFS_CHECK(client.begin_request(requests));
  return client.flushed() ? Status() : parts_->loop->run(client, client.flush());
}

Status ReplicaClient::receive(const ByteSink& sink, const StallWatch& watch) {
  // Small answers have mostly come with the one before.
  if (auto ended = parts_->client->begin_receive(sink)) return *std::move(ended);
  auto ended = parts_->finish_receive(sink, watch.after);
  if (!ended) {
    if (auto told = watch.stalled(); !told.ok()) {
      parts_->client->give_up();
      return told;
    }
    ended = parts_->finish_receive(sink, {});
  }
  return *std::move(ended);
}

bool ReplicaClient::usable() const { return parts_->client->usable(); }

}  // namespace minidfs::transfer
