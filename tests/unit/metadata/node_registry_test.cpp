#include "metadata/node_registry.hpp"

#include <catch2/catch.hpp>

#include "metadata/node_effects.hpp"

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart{};

NodeRegistration registration(std::uint64_t id, std::uint16_t port, std::uint64_t incarnation = 1,
                              std::string rack = "/r1") {
  return {NodeId{0, id},      incarnation,     "h" + std::to_string(id),
          {"10.0.0.1", port}, std::move(rack), {}};
}

NodeIndex registered(NodeRegistry& registry, const NodeRegistration& r, TimePoint now = kStart) {
  auto result = registry.register_node(r, now);
  REQUIRE(result.ok());
  return result->node;
}

NodeEvent state_change(NodeIndex node, NodeState from, NodeState to) {
  return {node, from, to, AdminState::kInService, AdminState::kInService};
}

}  // namespace

TEST_CASE("A node is stale after three and dead after ten seconds without a heartbeat") {
  NodeRegistry registry;
  const NodeIndex node = registered(registry, registration(1, 9866));
  for (int ms = 0; ms < 3000; ms += 1000) CHECK(registry.tick(kStart + milliseconds(ms)).empty());
  CHECK(registry.tick(kStart + milliseconds(3000)) ==
        std::vector{state_change(node, NodeState::kLive, NodeState::kStale)});
  for (int ms = 4000; ms < 10000; ms += 1000) {
    CHECK(registry.tick(kStart + milliseconds(ms)).empty());
  }
  CHECK(registry.tick(kStart + milliseconds(10000)) ==
        std::vector{state_change(node, NodeState::kStale, NodeState::kDead)});
  CHECK(registry.get(node).deaths == 1);
  CHECK(registry.counts().dead == 1);
}

TEST_CASE("A heartbeat makes a stale node live and a dead one must register again") {
  NodeRegistry registry;
  const NodeIndex node = registered(registry, registration(1, 9866));
  registry.tick(kStart + milliseconds(2000));
  registry.tick(kStart + milliseconds(4000));
  REQUIRE(registry.get(node).state == NodeState::kStale);
  auto event = registry.heartbeat(NodeId{0, 1}, 1, {}, kStart + milliseconds(4500));
  REQUIRE(event.ok());
  CHECK(*event == state_change(node, NodeState::kStale, NodeState::kLive));
  REQUIRE(registry.goodbye(NodeId{0, 1}, 1, kStart + milliseconds(5000)).ok());
  CHECK(registry.get(node).state == NodeState::kDead);
  auto late = registry.heartbeat(NodeId{0, 1}, 1, {}, kStart + milliseconds(5001));
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().code == Errc::kExpired);
}

TEST_CASE("Heartbeats of unknown nodes and of earlier processes are told apart") {
  NodeRegistry registry;
  registered(registry, registration(1, 9866, 5));
  CHECK(registry.heartbeat(NodeId{0, 2}, 1, {}, kStart).error().code == Errc::kNotFound);
  CHECK(registry.heartbeat(NodeId{0, 1}, 4, {}, kStart).error().code == Errc::kStale);
}

TEST_CASE("A node that returns with a new address keeps its index and owes a report") {
  NodeRegistry registry;
  const NodeIndex node = registered(registry, registration(1, 9866, 1));
  registry.report_completed(node);
  CHECK(registry.all_live_reported());
  registry.goodbye(NodeId{0, 1}, 1, kStart).value();
  CHECK_FALSE(registry.all_live_reported());
  CHECK(registered(registry, registration(1, 7000, 2)) == node);
  CHECK(registry.get(node).data.port == 7000);
  CHECK_FALSE(registry.get(node).report_complete);
  CHECK(registry.get(node).registrations == 2);
}

TEST_CASE("A second process with the id of a live node is refused, with both addresses") {
  NodeRegistry registry;
  registered(registry, registration(1, 9866, 1));
  auto copy = registry.register_node(registration(1, 9867, 2), kStart);
  REQUIRE_FALSE(copy.ok());
  CHECK(copy.error().code == Errc::kInUse);
  CHECK(copy.error().message.find("10.0.0.1:9866") != std::string::npos);
  CHECK(copy.error().message.find("10.0.0.1:9867") != std::string::npos);
  // Once the first was not heard of for a while, the other is believed.
  registry.tick(kStart + milliseconds(1000));
  registry.tick(kStart + milliseconds(3000));
  CHECK(registry.register_node(registration(1, 9867, 2), kStart + milliseconds(3000)).ok());
}

TEST_CASE("A process restarted at its own address is welcome at once") {
  NodeRegistry registry;
  const NodeIndex node = registered(registry, registration(1, 9866, 1));
  CHECK(registered(registry, registration(1, 9866, 2)) == node);
  CHECK(registry.heartbeat(NodeId{0, 1}, 1, {}, kStart).error().code == Errc::kStale);
}

TEST_CASE("Of two nodes at one address the older is dead at once") {
  NodeRegistry registry;
  const NodeIndex old = registered(registry, registration(1, 9866));
  auto second = registry.register_node(registration(2, 9866), kStart);
  REQUIRE(second.ok());
  REQUIRE(second->events.size() == 2);
  CHECK(second->events[0] == state_change(old, NodeState::kLive, NodeState::kDead));
  CHECK(second->events[1] == state_change(second->node, NodeState::kDead, NodeState::kLive));
}

TEST_CASE("A process that registers again while it is known keeps its report") {
  NodeRegistry registry;
  const NodeIndex node = registered(registry, registration(1, 9866));
  registry.report_completed(node);
  auto again = registry.register_node(registration(1, 9866), kStart);
  REQUIRE(again.ok());
  CHECK(again->known);
  CHECK(registry.get(node).report_complete);

  SECTION("another process of the node owes one") {
    auto restarted = registration(1, 9866);
    ++restarted.incarnation;
    again = registry.register_node(restarted, kStart);
    REQUIRE(again.ok());
    CHECK_FALSE(again->known);
    CHECK_FALSE(registry.get(node).report_complete);
  }
  SECTION("so does one that was declared dead") {
    registry.tick(kStart + milliseconds(20'000));
    again = registry.register_node(registration(1, 9866), kStart + milliseconds(20'000));
    REQUIRE(again.ok());
    CHECK_FALSE(again->known);
    CHECK_FALSE(registry.get(node).report_complete);
  }
}

TEST_CASE("Registrations without an id, host or port are refused") {
  NodeRegistry registry;
  CHECK(registry.register_node(registration(0, 9866), kStart).error().code ==
        Errc::kInvalidArgument);
  CHECK(registry.register_node(registration(1, 0), kStart).error().code == Errc::kInvalidArgument);
  CHECK(registry.nodes().empty());
}

TEST_CASE("Maintenance ends by itself and tells so") {
  NodeRegistry registry;
  const NodeIndex node = registered(registry, registration(1, 9866));
  REQUIRE(registry.set_admin(node, AdminState::kMaintenance, kStart + milliseconds(2000)));
  CHECK_FALSE(registry.get(node).takes_blocks());
  CHECK(registry.tick(kStart + milliseconds(1000)).empty());
  const auto events = registry.tick(kStart + milliseconds(2000));
  REQUIRE(events.size() == 1);
  CHECK(events[0].admin_from == AdminState::kMaintenance);
  CHECK(events[0].admin_to == AdminState::kInService);
  CHECK(registry.get(node).takes_blocks());
}

TEST_CASE("Racks count by the nodes on them that take blocks") {
  NodeRegistry registry;
  registered(registry, registration(1, 1, 1, "/r1"));
  registered(registry, registration(2, 2, 1, "/r1"));
  const NodeIndex other = registered(registry, registration(3, 3, 1, "/r2"));
  CHECK(registry.rack_count() == 2);
  registry.set_admin(other, AdminState::kDecommissioning);
  CHECK(registry.rack_count() == 1);
}

TEST_CASE("The block map follows what happens to nodes") {
  NodeRegistry registry;
  BlockMap map;
  const NodeIndex a = registered(registry, registration(1, 1, 1, "/r1"));
  const NodeIndex b = registered(registry, registration(2, 2, 1, "/r2"));
  for (const NodeIndex node : {a, b}) follow_node(map, registry, node);
  map.commit_block({{BlockId{1}, 1, 10}, 2}, std::vector{a, b});
  CHECK(map.needing(Need::kMisplaced).empty());

  registry.set_admin(a, AdminState::kDecommissioning);
  follow_node(map, registry, a);
  CHECK(map.node_mode(a) == NodeMode::kDraining);

  registry.set_admin(a, AdminState::kMaintenance, kStart + std::chrono::hours(1));
  follow_events(map, registry,
                std::vector{*registry.goodbye(NodeId{0, 1}, 1, kStart + milliseconds(1)).value()});
  CHECK(map.node_mode(a) == NodeMode::kAway);
  CHECK(map.replica_count(a) == 1);

  follow_events(map, registry, std::vector{*registry.set_admin(a, AdminState::kInService)});
  CHECK(map.node_mode(a) == NodeMode::kAway);  // Its goodbye was only now: it may be back soon.
  follow_events(map, registry, registry.tick(kStart + milliseconds(10'001)));
  CHECK(map.node_mode(a) == NodeMode::kGone);
  CHECK(map.replica_count(a) == 0);
}

}  // namespace minidfs::metadata
