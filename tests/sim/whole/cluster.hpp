// A whole simulated cluster: one namenode, datanodes, writers, the network between them.
#pragma once

#include <memory>
#include <vector>

#include "sim/whole/datanode.hpp"
#include "sim/whole/ledger.hpp"
#include "sim/whole/namenode.hpp"
#include "sim/whole/network.hpp"
#include "sim/whole/orders.hpp"
#include "sim/whole/world.hpp"
#include "sim/whole/writer.hpp"

namespace minidfs::sim {

struct Cluster {
  // At least 4 datanodes and 3 writers, all running.
  explicit Cluster(std::uint64_t seed);
  Cluster(const Cluster&) = delete;

  World world;
  Network network{world};
  Ledger ledger{world};
  Orders orders{*this};
  SimNamenode namenode{world, ledger, orders};
  std::vector<std::unique_ptr<SimDatanode>> nodes;
  std::vector<std::unique_ptr<SimWriter>> writers;
  Content last_content = 0;

  // To the node with this data address; nullptr for an address that is none.
  SimDatanode* at(const metadata::Endpoint& address);

  // Replicas on any disk that are exactly this block, with the bytes that were meant.
  std::size_t good_replicas(const metadata::Block& block);
  std::string describe(const metadata::Block& block);
};

}  // namespace minidfs::sim
