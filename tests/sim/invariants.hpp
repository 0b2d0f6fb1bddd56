// What must hold in every step of a simulated cluster, and what must come true once faults stop.
// Looks at the cluster from outside and shares no code with the planner.
#pragma once

#include <optional>
#include <string>

#include "sim/fake_cluster.hpp"

namespace minidfs::sim {

// The violated rule with the values, or nothing.
std::optional<std::string> check_step(const FakeCluster& cluster);

// Nothing when every block has its copies and nothing else is left anywhere.
std::optional<std::string> check_converged(const FakeCluster& cluster);

}  // namespace minidfs::sim
