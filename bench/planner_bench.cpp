// How long a round of repair planning takes: 1,000,000 blocks on 100 nodes of which 10,000 lack a
// copy. Rounds are repeated with the copies of each round in flight until all are planned, so the
// figures hold for free, for busy and for saturated nodes.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "metadata/node_effects.hpp"
#include "metadata/replication_planner.hpp"

namespace {

using namespace minidfs;
using namespace minidfs::metadata;

constexpr std::uint64_t kBlocks = 1'000'000;
constexpr std::uint64_t kShort = 10'000;
constexpr std::uint16_t kNodes = 100;
constexpr std::uint64_t kLength = 64ULL << 20;

// Processor time: what others do on the machine does not count.
double milliseconds_since(std::clock_t start) {
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void register_nodes(NodeRegistry& registry, BlockMap& map) {
  for (std::uint16_t i = 0; i < kNodes; ++i) {
    NodeUsage usage;
    usage.capacity_bytes = usage.free_bytes = 1ULL << 44;
    const std::string host = "h" + std::to_string(i);
    const auto added = registry.register_node(
        {NodeId{1, i + 1ULL}, 1, host, {host, 9866}, "/r" + std::to_string(i % 10), usage}, {});
    MDFS_ASSERT(added.ok());
    registry.report_completed(added->node);
    follow_node(map, registry, added->node);
  }
}

void fill(BlockMap& map) {
  for (std::uint64_t id = 1; id <= kBlocks; ++id) {
    std::vector<NodeIndex> on;
    const std::uint64_t copies = id % (kBlocks / kShort) == 0 ? 2 : 3;
    for (std::uint64_t i = 0; i < copies; ++i) {
      const std::uint64_t mixed = (id * 0x9E3779B97F4A7C15ULL) >> 32;
      on.push_back(NodeIndex{static_cast<std::uint16_t>((mixed + i * 33) % kNodes)});
    }
    map.commit_block({{BlockId{id}, 1, kLength}, 3}, on);
  }
}

void measure(const char* name, const PlannerOptions& options, const NodeRegistry& registry,
             BlockMap& map) {
  Random random(1);
  RepairWork work;
  std::vector<double> rounds;
  std::size_t planned = 0;
  for (int round = 0; round < 200; ++round) {
    const auto start = std::clock();
    work.update(map, TimePoint{});
    const auto plan = plan_replication({map, registry, work, options, false, TimePoint{}}, random);
    rounds.push_back(milliseconds_since(start));
    planned += plan.copies.size();
    work.begin(map, plan, TimePoint{});
  }
  const double first = rounds.front();
  std::sort(rounds.begin(), rounds.end());
  std::printf("%-34s %6zu planned, round ms: first %.3f median %.3f max %.3f\n", name, planned,
              first, rounds[rounds.size() / 2], rounds.back());
}

// The longest step is what everybody else may have to wait for.
void measure_death(BlockMap& map) {
  const auto replicas = map.replica_count(NodeIndex{0});
  double sum = 0;
  double longest = 0;
  const auto measured = [&](const auto& step) {
    const auto start = std::clock();
    step();
    const auto took = milliseconds_since(start);
    sum += took;
    longest = std::max(longest, took);
  };
  measured([&] { map.node_dead(NodeIndex{0}); });
  while (map.is_sweeping()) measured([&] { map.sweep(); });
  std::printf("a node with %llu replicas declared dead in %.1f ms, no step above %.2f ms\n",
              static_cast<unsigned long long>(replicas), sum, longest);
}

}  // namespace

int main() {
  NodeRegistry registry;
  BlockMap map;
  register_nodes(registry, map);
  auto start = std::clock();
  fill(map);
  std::printf("%llu blocks committed in %.0f ms, %zu lack a copy\n",
              static_cast<unsigned long long>(kBlocks), milliseconds_since(start),
              map.needing(Need::kOneShort).size());

  PlannerOptions usual;
  measure("4 streams a node:", usual, registry, map);
  PlannerOptions wide;
  wide.streams_in_max = wide.streams_out_max = 200;
  wide.copies_max = kShort;
  measure("all 10,000 at once:", wide, registry, map);

  measure_death(map);
  BlockMap small;  // Every node has every block.
  for (std::uint16_t i = 0; i < 3; ++i) small.node_joined(NodeIndex{i}, RackIndex{0});
  for (std::uint64_t id = 1; id <= kBlocks; ++id) {
    small.commit_block({{BlockId{id}, 1, kLength}, 3},
                       std::vector{NodeIndex{0}, NodeIndex{1}, NodeIndex{2}});
  }
  measure_death(small);
  return 0;
}
