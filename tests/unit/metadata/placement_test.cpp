#include "metadata/placement.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

namespace minidfs::metadata {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint64_t kBlock = 64ULL << 20;
constexpr TimePoint kStart{};

struct Spec {
  std::string host;
  std::string rack = "/r1";
  std::uint64_t free_bytes = 100 * kGiB;
  std::uint32_t active_writes = 0;
};

NodeRegistry registry_of(const std::vector<Spec>& specs) {
  NodeRegistry registry;
  std::uint64_t id = 1;
  for (const Spec& spec : specs) {
    NodeUsage usage;
    usage.capacity_bytes = 1000 * kGiB;
    usage.free_bytes = spec.free_bytes;
    usage.active_writes = spec.active_writes;
    const auto port = static_cast<std::uint16_t>(9000 + id);
    auto result = registry.register_node(
        {NodeId{0, id}, 1, spec.host, {spec.host, port}, spec.rack, usage}, kStart);
    REQUIRE(result.ok());
    ++id;
  }
  return registry;
}

std::vector<NodeIndex> place(const NodeRegistry& registry, PlacementRequest request,
                             std::uint64_t seed = 1) {
  if (request.block_bytes == 0) request.block_bytes = kBlock;
  Random random(seed);
  return choose_targets(registry, request, {}, random);
}

PlacementRequest request_of(std::uint32_t wanted, std::string writer = "") {
  PlacementRequest request;
  request.wanted = wanted;
  request.writer_host = std::move(writer);
  return request;
}

}  // namespace

TEST_CASE("The first replica goes to the writer's machine, the others to one other rack") {
  const auto registry =
      registry_of({{"a", "/r1"}, {"b", "/r1"}, {"c", "/r2"}, {"d", "/r2"}, {"e", "/r1"}});
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto chosen = place(registry, request_of(3, "b"), seed);
    REQUIRE(chosen.size() == 3);
    CHECK(chosen[0] == NodeIndex{1});
    CHECK(registry.get(chosen[1]).rack == "/r2");
    CHECK(registry.get(chosen[2]).rack == "/r2");
    CHECK(chosen[1] != chosen[2]);
  }
}

TEST_CASE("Several datanodes on the writer's machine share its first replicas") {
  const auto registry = registry_of({{"a"}, {"a"}, {"a"}, {"b"}});
  std::set<NodeIndex> firsts;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto chosen = place(registry, request_of(2, "a"), seed);
    REQUIRE(chosen.size() == 2);
    firsts.insert(chosen[0]);
    CHECK(chosen[1] == NodeIndex{3});  // Another machine where there is one.
  }
  CHECK(firsts == std::set<NodeIndex>{NodeIndex{0}, NodeIndex{1}, NodeIndex{2}});
}

TEST_CASE("A writer that is part of a datanode has its first replica there, if it can") {
  const auto registry = registry_of({{"a"}, {"a"}, {"a"}, {"b"}});
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto request = request_of(2, "a");
    request.writer_node = NodeIndex{1};
    const auto chosen = place(registry, request, seed);
    REQUIRE(chosen.size() == 2);
    CHECK(chosen[0] == NodeIndex{1});
    CHECK(chosen[1] == NodeIndex{3});
    request.excluded = {NodeIndex{1}};
    const auto beside = place(registry, request, seed);
    REQUIRE(beside.size() == 2);
    CHECK(registry.get(beside[0]).host == "a");
  }
}

TEST_CASE("A single machine with three datanodes takes three replicas") {
  const auto registry = registry_of({{"a"}, {"a"}, {"a"}});
  const auto chosen = place(registry, request_of(3, "a"));
  CHECK(std::set<NodeIndex>(chosen.begin(), chosen.end()).size() == 3);
}

TEST_CASE("Fewer nodes than wanted give as many as there are") {
  CHECK(place(registry_of({{"a"}, {"b"}}), request_of(3)).size() == 2);
  CHECK(place(registry_of({}), request_of(3)).empty());
}

TEST_CASE("The same seed gives the same targets and another may not") {
  std::vector<Spec> specs;
  for (int i = 0; i < 20; ++i) specs.push_back({"h" + std::to_string(i)});
  const auto registry = registry_of(specs);
  std::set<std::vector<NodeIndex>> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CHECK(place(registry, request_of(3), seed) == place(registry, request_of(3), seed));
    seen.insert(place(registry, request_of(3), seed));
  }
  CHECK(seen.size() > 10);
}

TEST_CASE("Nodes that must not be chosen are not chosen, whatever the reason") {
  auto registry = registry_of({{"dead"},
                               {"leaving"},
                               {"full", "/r1", kBlock},
                               {"excluded"},
                               {"holder"},
                               {"resting"},
                               {"fine"}});
  registry.goodbye(NodeId{0, 1}, 1, kStart).value();
  registry.set_admin(NodeIndex{1}, AdminState::kDecommissioning);
  registry.set_admin(NodeIndex{5}, AdminState::kMaintenance, kStart + std::chrono::hours(1));
  auto request = request_of(5);
  request.excluded = {NodeIndex{3}};
  request.existing = {NodeIndex{4}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CHECK(place(registry, request, seed) == std::vector{NodeIndex{6}});
  }
}

TEST_CASE("A block fits only where it leaves the reserve free") {
  const PlacementOptions options{1000};
  auto registry = registry_of({{"a", "/r1", 1499}});
  CHECK(placement_weight(registry.get(NodeIndex{0}), 500, options) == 0);
  CHECK(placement_weight(registry.get(NodeIndex{0}), 499, options) > 0);
  registry.placed(NodeIndex{0}, 1);  // Promised but not yet in the node's own figures.
  CHECK(placement_weight(registry.get(NodeIndex{0}), 499, options) == 0);
  CHECK(placement_weight(registry.get(NodeIndex{0}), ~0ULL, options) == 0);
}

TEST_CASE("Promised space keeps a node from new blocks only while another has some left") {
  auto registry = registry_of({{"a", "/r1", kGiB}, {"b", "/r1", kGiB}, {"full", "/r1", kBlock}});
  for (int i = 0; i < 16; ++i) registry.placed(NodeIndex{0}, kBlock);
  int taken = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto chosen = place(registry, request_of(1), seed);
    taken += chosen == std::vector{NodeIndex{0}} ? 1 : 0;
    auto both = place(registry, request_of(3), seed);
    std::sort(both.begin(), both.end());
    CHECK(both == std::vector{NodeIndex{0}, NodeIndex{1}});
  }
  CHECK(taken < 10);
}

TEST_CASE("A stale node is the last choice, even against the rack rule") {
  auto registry = registry_of({{"a", "/r1"}, {"b", "/r1"}, {"c", "/r2"}});
  using std::chrono::milliseconds;
  registry.tick(kStart + milliseconds(2000));
  for (const std::uint64_t id : {1, 2}) {
    NodeUsage usage = registry.get(NodeIndex{0}).usage;
    REQUIRE(registry.heartbeat(NodeId{0, id}, 1, usage, kStart + milliseconds(2000)).ok());
  }
  registry.tick(kStart + milliseconds(3500));
  REQUIRE(registry.get(NodeIndex{2}).state == NodeState::kStale);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto two = place(registry, request_of(2), seed);
    CHECK(std::find(two.begin(), two.end(), NodeIndex{2}) == two.end());
    CHECK(place(registry, request_of(3), seed)[2] == NodeIndex{2});
  }
}

TEST_CASE("A replica that is added regards the racks of those that exist") {
  const auto registry = registry_of({{"a", "/r1"}, {"b", "/r1"}, {"c", "/r1"}, {"d", "/r2"}});
  auto request = request_of(1);
  request.existing = {NodeIndex{0}, NodeIndex{1}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CHECK(place(registry, request, seed) == std::vector{NodeIndex{3}});
  }
}

TEST_CASE("Free and idle nodes are chosen more often than full and busy ones") {
  const auto registry = registry_of(
      {{"roomy", "/r1", 400 * kGiB}, {"tight", "/r1", 40 * kGiB}, {"busy", "/r1", 400 * kGiB, 20}});
  std::map<std::uint16_t, int> count;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    ++count[place(registry, request_of(1), seed).at(0).value];
  }
  CHECK(count[0] > 5 * count[1]);
  CHECK(count[0] > 5 * count[2]);
  CHECK(count[1] > 20);
  CHECK(count[2] > 10);
}

TEST_CASE("Why there is no target says which nodes are out of service, excluded or dead") {
  auto registry = registry_of({{"a"}, {"b"}, {"c"}, {"d", "/r1", 10}});
  PlacementRequest request;
  request.block_bytes = 6;
  registry.set_admin(NodeIndex{0}, AdminState::kDecommissioning);
  registry.set_admin(NodeIndex{1}, AdminState::kMaintenance);
  request.excluded = {NodeIndex{2}};
  const auto full = no_target(registry, request, {});
  CHECK(full.code == Errc::kNoSpace);
  CHECK(full.message ==
        "none of the 1 datanodes in service has 6 bytes free (2 taken out of service, 1 excluded "
        "by the writer)");
  registry.goodbye(NodeId{0, 4}, 1, kStart).value();
  request.excluded.clear();
  registry.set_admin(NodeIndex{2}, AdminState::kDecommissioning);
  const auto none = no_target(registry, request, {});
  CHECK(none.code == Errc::kNoDatanode);
  CHECK(none.message == "no datanode can take the block: 3 taken out of service, 1 dead");
}

TEST_CASE("A reader is sent to its machine, then its rack, then elsewhere, stale nodes last") {
  auto registry = registry_of(
      {{"a", "/r1"}, {"b", "/r1"}, {"c", "/r2"}, {"d", "/r2"}, {"e", "/r1"}, {"a", "/r1"}});
  using std::chrono::milliseconds;
  registry.tick(kStart + milliseconds(2000));
  for (const std::uint64_t id : {2, 3, 4, 5, 6}) {
    REQUIRE(registry.heartbeat(NodeId{0, id}, 1, {}, kStart + milliseconds(2000)).ok());
  }
  registry.tick(kStart + milliseconds(3500));  // Node 0 is stale, though on the reader's machine.
  registry.goodbye(NodeId{0, 5}, 1, kStart).value();
  const std::vector<Replica> replicas{{NodeIndex{0}}, {NodeIndex{1}},
                                      {NodeIndex{2}}, {NodeIndex{3}, ReplicaState::kCorrupt},
                                      {NodeIndex{4}}, {NodeIndex{5}}};
  Random random(1);
  const auto order = order_for_reading(registry, replicas, {"a", ""}, random);
  CHECK(order == std::vector{NodeIndex{5}, NodeIndex{1}, NodeIndex{2}, NodeIndex{0}});
}

TEST_CASE("A reader that is part of a datanode is sent there before others of its machine") {
  const auto registry = registry_of({{"a"}, {"a"}, {"a"}, {"b"}});
  const std::vector<Replica> replicas{{NodeIndex{0}}, {NodeIndex{1}}, {NodeIndex{2}}};
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    const auto order = order_for_reading(registry, replicas, {"a", "/r1", NodeIndex{2}}, random);
    REQUIRE(order.size() == 3);
    CHECK(order[0] == NodeIndex{2});
  }
}

TEST_CASE("Readers far from all replicas are spread over them") {
  const auto registry = registry_of({{"a"}, {"b"}, {"c"}});
  const std::vector<Replica> replicas{{NodeIndex{0}}, {NodeIndex{1}}, {NodeIndex{2}}};
  std::set<NodeIndex> firsts;
  Random random(7);
  for (int i = 0; i < 50; ++i) {
    firsts.insert(order_for_reading(registry, replicas, {"far", "/r9"}, random).at(0));
  }
  CHECK(firsts.size() == 3);
}

}  // namespace minidfs::metadata
