// One part of one block on its way: executes what ReadPolicy decides, over connections of the pool
// and the link to the namenode. Belongs to the loop of its executor and never blocks it; one
// operation at a time, which the object outlives. Every wait is bounded by the options' time-outs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "transfer/async_replica_client.hpp"
// The above comes first: see net/asio.hpp.
#include "base/ids.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"
#include "client/read/read_policy.hpp"

namespace minidfs::client {

// Datanodes that failed this reader: the last choice for what follows. Not thread-safe.
using FailedNodes = std::set<NodeId>;

class BlockReader {
 public:
  // REQUIRES: `context`, `path` and `failed_nodes` outlive this object.
  BlockReader(const asio::any_io_executor& executor, ClientContext& context,
              const std::string& path, FailedNodes& failed_nodes,
              const metadata::LocatedBlock& block, std::uint64_t offset, std::uint64_t length);

  // Sends the request to the best replica, ahead of receive(), so that its datanode has begun to
  // send by then.
  asio::awaitable<void> request_ahead();

  // Hands the bytes to `sink`, from one replica after another, until all are there, the sink fails
  // or there is no more hope.
  asio::awaitable<Status> receive(const transfer::ByteSink& sink);

  // For a reader of the whole block that wants its sums alone (transfer/block_sum.hpp), which the
  // datanode makes: ask_for_sum() before the first request, and receive_sum() in the place of
  // receive(). kUnsupported when the datanode is of a version that makes none: the block has to be
  // read.
  void ask_for_sum() { asks_for_sum_ = true; }
  asio::awaitable<Result<transfer::BlockSum>> receive_sum();

  // The operation under way ends with kCancelled, and all that follow.
  void cancel();

  // Also replicas that are known to be corrupt are asked, where there is no good one. For a reader
  // that goes on behind what none can give. Before the first request.
  void ask_corrupt_ones() { corrupt_ones_ = true; }
  // After receive() has failed: whether that was for want of a replica, and not of the sink or the
  // namenode; how many bytes the sink has got; whether a replica was tried for the next one and its
  // slice there is bad.
  bool is_hopeless() const { return command_.kind == ReadCommand::Kind::kGiveUp && !ended_; }
  std::uint64_t done() const { return done_; }
  bool slice_is_bad() const { return bad_at_ == done_; }

  // A request ahead to a node that has failed meanwhile is given up.
  void avoid_failed_node();

 private:
  struct Connection {
    std::unique_ptr<transfer::AsyncReplicaClient> client;
    bool reused = false;  // It stood idle, so its datanode may have gone without our noticing.
  };

  bool is_suspect(NodeId node) const;
  // What happened; the policy's answer becomes the command.
  void tell(const ReadEvent& event);
  void obey(ReadCommand command);
  void tell_failed(Error why, bool opening, bool stood_still);
  void end(Error why);

  bool is_over() const {
    return command_.kind == ReadCommand::Kind::kDone || command_.kind == ReadCommand::Kind::kGiveUp;
  }
  bool is_open() const { return connection_.client != nullptr; }
  // The replica of the command for the missing bytes; tells when that fails.
  asio::awaitable<void> open();
  asio::awaitable<Status> connect(Connection& connection);
  asio::awaitable<Status> request_of(transfer::AsyncReplicaClient& client);
  bool may_have_stood_still() const;
  void give_back(const metadata::Endpoint& datanode);
  asio::awaitable<void> receive_from(const transfer::ByteSink& sink);
  asio::awaitable<void> receive_sum_from();
  asio::awaitable<Status> receive_some(const transfer::ByteSink& sink);
  asio::awaitable<void> race();
  asio::awaitable<bool> rival_is_first();
  asio::awaitable<void> ask_mode();
  asio::awaitable<void> locate();
  template <class Request>
  asio::awaitable<Result<NamenodeLink::Reply<Request>>> call(Request request);
  transfer::ReadRequest missing() const;

  asio::any_io_executor executor_;
  ClientContext& context_;
  const std::string& path_;
  FailedNodes& failed_nodes_;
  metadata::Block block_;
  std::uint64_t block_begin_;  // In the file.
  std::uint64_t offset_;
  std::uint64_t length_;
  std::uint64_t done_ = 0;
  std::uint64_t bad_at_ = UINT64_MAX;  // Where a replica turned out to be bad the last time.
  bool corrupt_ones_ = false;
  bool asks_for_sum_ = false;
  transfer::BlockSum sum_;
  bool ended_ = false;  // For another reason than for want of a replica.
  bool cancelled_ = false;
  std::function<void()> end_wait_;  // The present wait for anything but a connection.
  ReadPolicy policy_;
  ReadCommand command_;
  // The request that is under way, if any, and one that is raced against it.
  Connection connection_;
  std::chrono::steady_clock::time_point requested_at_;
  Connection rival_;
};

}  // namespace minidfs::client
