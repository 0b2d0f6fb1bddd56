#include "sim/whole/cluster.hpp"

#include <algorithm>

namespace minidfs::sim {

Cluster::Cluster(std::uint64_t seed) : world(seed) {
  const auto node_count = static_cast<Place>(4 + world.below(2));
  const auto writer_count = static_cast<Place>(3 + world.below(2));
  namenode.start();
  for (Place i = 1; i <= node_count; ++i) nodes.push_back(std::make_unique<SimDatanode>(*this, i));
  for (auto& node : nodes) node->start();
  for (Place i = 1; i <= writer_count; ++i) {
    writers.push_back(std::make_unique<SimWriter>(*this, node_count + i));
    writers.back()->start();
  }
}

SimDatanode* Cluster::at(const metadata::Endpoint& address) {
  return address.port >= 1 && address.port <= nodes.size() ? nodes[address.port - 1U].get()
                                                           : nullptr;
}

std::size_t Cluster::good_replicas(const metadata::Block& block) {
  const auto& contents = namenode.state().visible().contents;
  const auto meant = contents.find(block.id);
  return static_cast<std::size_t>(std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) {
    const auto there = node->disk().replicas.find(block.id);
    return there != node->disk().replicas.end() && there->second.block == block &&
           meant != contents.end() && there->second.content == meant->second;
  }));
}

std::string Cluster::describe(const metadata::Block& block) {
  auto text = "block " + to_string(block.id) + ", generation " + std::to_string(block.generation) +
              ", length " + std::to_string(block.length) + ", on disks:";
  for (const auto& node : nodes) {
    const auto there = node->disk().replicas.find(block.id);
    if (there == node->disk().replicas.end()) continue;
    text += " node " + std::to_string(node->place()) + " (content " +
            std::to_string(there->second.content) + ")";
  }
  if (!namenode.process().up()) return text;
  text += "; the namenode sends readers to:";
  for (const auto& [path, file] : namenode.state().visible().files) {
    if (std::find(file.blocks.begin(), file.blocks.end(), block) == file.blocks.end()) continue;
    const auto blocks = namenode.locate(path);
    for (const auto& located : *blocks) {
      if (located.block != block) continue;
      for (const auto& location : located.locations) {
        text += " node " + std::to_string(location.data.port);
      }
    }
  }
  for (const auto& problem : namenode.problems()) {
    if (problem.block.id != block.id) continue;
    text += ", and wants " + std::to_string(problem.wanted) + ", counts " +
            std::to_string(problem.live) + " live";
  }
  return text;
}

}  // namespace minidfs::sim
