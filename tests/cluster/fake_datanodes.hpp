// Datanodes that store nothing and speak the real control protocol: many identities over few
// connections, each with the replicas that it is said to have. They connect again whenever their
// connection is lost, register, report when they are asked to, and send heartbeats.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "metadata/types.hpp"

namespace minidfs::test {

struct FakeDatanodesOptions {
  std::uint16_t namenode_port = 0;
  std::size_t connections = 1;  // Each is a process of its own to the namenode.
  std::size_t nodes = 1;        // Spread over them evenly.
  std::chrono::milliseconds heartbeat_interval{3000};
};

class FakeDatanodes {
 public:
  // They begin to connect at once, all together.
  explicit FakeDatanodes(const FakeDatanodesOptions& options);
  ~FakeDatanodes();

  NodeId id(std::size_t node) const;
  // What the node reports from now on, when it is asked to report in full. In order of id.
  void give(std::size_t node, std::vector<metadata::Block> replicas);

  // Since the start, or since the last call of forget().
  struct Figures {
    std::size_t registered = 0;  // Nodes that were answered their registration.
    std::size_t reported = 0;    // Nodes that have told all their replicas.
    std::uint64_t heartbeats = 0;
    // The longest that one waited for its answer, of those sent since the first answer to anything.
    std::chrono::milliseconds slowest_heartbeat{0};
    std::uint64_t failures = 0;  // Requests that were answered with an error.
  };
  Figures figures() const;
  void forget();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace minidfs::test
