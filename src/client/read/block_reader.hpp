// One part of one block on its way: executes what ReadPolicy decides, over connections of the pool
// and the link to the namenode. For one thread; every wait is bounded by the options' time-outs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

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
  BlockReader(ClientContext& context, const std::string& path, FailedNodes& failed_nodes,
              const metadata::LocatedBlock& block, std::uint64_t offset, std::uint64_t length);

  // Sends the request to the best replica, ahead of receive(), so that its datanode has begun to
  // send by then.
  void request_ahead();

  // Hands the bytes to `sink`, from one replica after another, until all are there, the sink fails
  // or there is no more hope.
  Status receive(const transfer::ByteSink& sink);

  // Also replicas that are known to be corrupt are asked, where there is no good one. For a reader
  // that goes on behind what none can give. Before the first request.
  void ask_corrupt_ones() { corrupt_ones_ = true; }
  // After receive() has failed: whether that was for want of a replica, and not of the sink or the
  // namenode; how many bytes the sink has got; whether a replica was tried for the next one and its
  // slice there is bad.
  bool is_hopeless() const { return command_.kind == ReadCommand::Kind::kGiveUp && !cancelled_; }
  std::uint64_t done() const { return done_; }
  bool slice_is_bad() const { return bad_at_ == done_; }

  // A request ahead to a node that has failed meanwhile is given up.
  void avoid_failed_node();

 private:
  bool is_suspect(NodeId node) const;
  // What happened; the policy's answer becomes the command.
  void tell(const ReadEvent& event);
  void obey(ReadCommand command);
  void tell_failed(Error why, bool opening, bool stood_still);
  void cancel(Error why);

  bool is_open() const { return connection_.client != nullptr; }
  // The replica of the command for the missing bytes; tells when that fails.
  void open();
  void receive_from(const transfer::ByteSink& sink);
  Status race();
  void ask_mode();
  void locate();
  transfer::ReadRequest missing() const;

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
  bool cancelled_ = false;
  ReadPolicy policy_;
  ReadCommand command_;
  // The request that is under way, if any, and one that is raced against it.
  ReplicaConnection connection_;
  std::chrono::steady_clock::time_point requested_at_;
  ReplicaConnection rival_;
};

}  // namespace minidfs::client
