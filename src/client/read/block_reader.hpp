// One part of one block on its way: over which connection, how far it came, which replicas failed.
// A replica that gives no byte for Options::hedge_after is raced against another one, once for each
// part; whichever gives a byte first goes on, the other is left.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {

// Datanodes that failed this reader: the last choice for what follows. Not thread-safe.
using FailedNodes = std::map<NodeId, Errc>;

class BlockReader {
 public:
  BlockReader(ClientContext& context, FailedNodes& failed_nodes,
              const metadata::LocatedBlock& block, std::uint64_t offset, std::uint64_t length)
      : context_(context),
        failed_nodes_(failed_nodes),
        block_(block),
        offset_(offset),
        length_(length) {}

  // Sends the request to the best replica, ahead of receive(), so that its datanode has begun to
  // send by then.
  void request_ahead();

  // Hands the bytes that are still missing to `sink`, from one replica after another, until all
  // are there, the sink fails (see sink_failed()) or no replica is left.
  Status receive(const transfer::ByteSink& sink);

  // The missing bytes may now also come from these places; replicas that were bad stay refused.
  void relocate(std::vector<metadata::ReplicaLocation> locations);

  // A request ahead to a node that has failed meanwhile is given up.
  void avoid_failed_node();

  bool sink_failed() const { return sink_failed_; }
  std::uint64_t done() const { return done_; }
  const metadata::LocatedBlock& block() const { return block_; }
  // True when a replica was not bad but only out of reach: it may come back.
  bool may_come_back() const;
  // Every replica's reason, for the error when none is left.
  std::string reasons() const;

 private:
  // A second request that was quicker than the first.
  struct Rival {
    ReplicaConnection connection;
    metadata::ReplicaLocation location;
  };

  bool is_suspect(NodeId node) const;
  // A replica on another node than `node` that nothing speaks against, or null.
  const metadata::ReplicaLocation* unsuspected_location(NodeId node) const;
  std::chrono::milliseconds patience_with(const metadata::ReplicaLocation& location) const;
  transfer::ReadRequest missing() const;
  std::optional<Rival> request_from_another(NodeId node);
  // An error when another replica was quicker, which rival_ then holds.
  Status race(const metadata::ReplicaLocation& location);
  const metadata::ReplicaLocation* best_location() const;
  Status open(const metadata::ReplicaLocation& location, bool fresh);
  Status receive_from(const metadata::ReplicaLocation& location, const transfer::ByteSink& sink);
  void refuse(const metadata::ReplicaLocation& location, Error error);

  ClientContext& context_;
  FailedNodes& failed_nodes_;
  metadata::LocatedBlock block_;
  std::uint64_t offset_;
  std::uint64_t length_;
  std::uint64_t done_ = 0;
  bool sink_failed_ = false;
  std::map<NodeId, Error> refused_;
  // The request that is under way, if any.
  ReplicaConnection connection_;
  std::optional<metadata::ReplicaLocation> requested_;
  std::chrono::steady_clock::time_point requested_at_;
  bool hedged_ = false;  // The part's second request was made.
  bool lost_patience_ =
      false;  // The last open() was given up early: try it again as a last choice.
  std::optional<Rival> rival_;
};

}  // namespace minidfs::client
