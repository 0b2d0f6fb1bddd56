// What must hold in a simulated cluster at every moment, and what must come true once faults stop.
// Looks from outside at disks, answers and the namespace; what it finds goes to World::violated().
#pragma once

#include <optional>
#include <string>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {

// Safety: if a file has the block, some disk has its bytes.
void check_block(Cluster& cluster, BlockId block);
// Safety, for all files: as above; whoever reads gets the bytes that were written; the files are
// what clients were told; queues, memory and waits are within their bounds.
void check_all(Cluster& cluster);
// What an operator does who has put back a copy of the namespace and misses no file of it.
void leave_safe_mode(Cluster& cluster);
// Liveness: nothing when every block has its copies, no other replica is left and the namenode sees
// it so; else what is missing.
std::optional<std::string> unfinished(Cluster& cluster);

// Nodes besides `place` where readers are sent for the block and find it. 0 without a namenode.
std::size_t readable_elsewhere(Cluster& cluster, const metadata::Block& block, Place place);

}  // namespace minidfs::sim
