// Waits and memory of the simulated data plane: every wait ends within its bound, and no nodes wait
// for one another in a circle. Looks from outside; what it finds goes to World::violated().
#pragma once

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {

void check_waits(Cluster& cluster);

}  // namespace minidfs::sim
