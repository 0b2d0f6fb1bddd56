#include "sim/whole/bounds.hpp"

#include <algorithm>
#include <map>

namespace minidfs::sim {
namespace {

// Looking, sending and being told take this long.
constexpr milliseconds kSlack = 4 * kPulse;
// For a piece to be taken, or for the ack after the last one: memory at each node behind, what the
// slowest honest disk takes, and one that hangs.
constexpr milliseconds kSenderWaitMax = 2 * kTakenTimeout + kDiskTimeout + milliseconds{10'000};

// Whether a piece that `holder` has in memory may come free by itself.
using Stuck = std::map<const Receiver*, const SimDatanode*>;
bool frees_itself(const Receiver& holder, const Stuck& stuck) {
  return holder.held() > 0 && !(holder.waits_for_next_node() && stuck.contains(holder.next()));
}

// What is left of the receivers that wait for memory when those are taken away that wait for
// something that comes by itself waits for itself.
void check_no_circle(Cluster& cluster) {
  Stuck stuck;
  for (const auto& node : cluster.nodes) {
    for (const auto& receiver : node->receivers()) {
      if (receiver->waits_for_memory()) stuck[receiver.get()] = node.get();
    }
  }
  const auto goes_on = [&](const auto& waiting) {
    const auto& all = waiting.second->receivers();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& holder) { return frees_itself(*holder, stuck); });
  };
  while (std::erase_if(stuck, goes_on) > 0) {
  }
  if (stuck.empty()) return;
  std::string places;
  for (const auto& [receiver, node] : stuck) places += " " + node->name();
  cluster.world.violated("nodes wait for one another's memory in a circle:" + places);
}

void check_memory(Cluster& cluster, const SimDatanode& node) {
  std::size_t held = 0;
  for (const auto& receiver : node.receivers()) held += receiver->held();
  const auto& memory = node.memory();
  if (memory.used_bytes() == held && held <= memory.limit_bytes()) return;
  cluster.world.violated(node.name() + " holds " + std::to_string(held) + " pieces, accounts for " +
                         std::to_string(memory.used_bytes()) + ", may hold " +
                         std::to_string(memory.limit_bytes()));
}

// Who waits for a disk that hangs is answered.
void check_disk(Cluster& cluster, SimDatanode& node) {
  const auto hangs_since = node.disk().hangs_since();
  if (!hangs_since.has_value() || !node.process().works()) return;
  for (const auto& receiver : node.receivers()) {
    const auto waits_since = receiver->waits_for_disk_since();
    if (!waits_since.has_value()) continue;
    const auto since = std::max({*hangs_since, *waits_since, node.process().works_since()});
    if (cluster.world.now() - since > kDiskTimeout + kSlack) {
      cluster.world.violated(node.name() + " has a writer wait for a disk that hangs");
    }
  }
}

void check_sender(Cluster& cluster, SimWriter& writer) {
  const auto* sender = writer.sending();
  if (sender == nullptr || !sender->waits_since().has_value() || !writer.process().works()) return;
  const auto since = std::max(*sender->waits_since(), writer.process().works_since());
  if (cluster.world.now() - since > kSenderWaitMax) {
    cluster.world.violated("writer " + std::to_string(writer.place()) +
                           " waits for its pipeline too long: " + sender->receiver()->describe());
  }
}

}  // namespace

void check_waits(Cluster& cluster) {
  check_no_circle(cluster);
  for (const auto& node : cluster.nodes) {
    check_memory(cluster, *node);
    check_disk(cluster, *node);
  }
  for (const auto& writer : cluster.writers) check_sender(cluster, *writer);
}

}  // namespace minidfs::sim
