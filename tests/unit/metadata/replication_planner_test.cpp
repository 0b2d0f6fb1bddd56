#include "metadata/replication_planner.hpp"

#include <algorithm>
#include <set>

#include "unit/metadata/planner_cluster.hpp"

namespace minidfs::metadata {
namespace {

using std::chrono::seconds;

bool contains(const std::vector<NodeIndex>& nodes, NodeIndex node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

TEST_CASE("Copies are begun in the order of need") {
  Cluster c(6, 2);
  c.block(1, {0, 2, 4});  // Misplaced: all on rack 0.
  c.block(2, {0, 1});     // One short.
  c.block(3, {0, 1}, 4);  // Two short.
  c.block(4, {0});        // One left.
  c.block(5, {0, 1, 2});  // In order.
  c.options.streams_out_max = c.options.streams_in_max = 100;
  const auto plan = c.plan();
  std::vector<std::uint64_t> order;
  for (const CopyTask& task : plan.copies) order.push_back(task.block.id.value);
  CHECK(order == std::vector<std::uint64_t>{4, 3, 2, 1});
  CHECK(plan.copies[0].targets.size() == 2);
  CHECK(c.registry.get(plan.copies[3].targets[0]).rack == "/r1");
  CHECK(plan.deletes.empty());
}

TEST_CASE(
    "A node with which a copy failed is the last choice, and tried again when it is the only one") {
  Cluster c(3);
  c.block(1, {0, 1});
  const auto first = c.begin();
  REQUIRE(first.copies.size() == 1);
  c.work.copy_failed(BlockId{1}, NodeIndex{2}, c.now);
  c.now += seconds(9);
  CHECK(c.begin().copies.empty());
  c.now += seconds(2);
  const auto again = c.plan();
  REQUIRE(again.copies.size() == 1);
  CHECK(again.copies[0].targets == std::vector{NodeIndex{2}});
  const NodeIndex better = c.add_node("/r0");
  const auto elsewhere = c.plan();
  REQUIRE(elsewhere.copies.size() == 1);
  CHECK(elsewhere.copies[0].targets == std::vector{better});
}

TEST_CASE("A leadership that has not settled copies but deletes nothing") {
  Cluster c(4);
  c.block(1, {0, 1, 2, 3});
  c.block(2, {0, 1});
  c.work.update(c.map, c.now);
  const auto young =
      plan_replication({c.map, c.registry, c.work, c.options, false, c.now, true}, c.random);
  CHECK(young.deletes.empty());
  CHECK(young.copies.size() == 1);
  CHECK(c.plan().deletes.size() == 1);
}

TEST_CASE("Streams of a node and copies of the cluster are bounded over the rounds") {
  Cluster c(4);
  for (std::uint64_t id = 1; id <= 50; ++id) c.block(id, {0, 1});
  c.options.streams_out_max = 3;
  c.options.streams_in_max = 2;
  CHECK(c.begin().copies.size() == 4);  // Two nodes can receive, two streams each.
  CHECK(c.begin().copies.empty());
  c.options.streams_in_max = 100;
  CHECK(c.begin().copies.size() == 2);  // Two nodes can send, three streams each.
  c.options.streams_out_max = 100;
  c.options.copies_max = 10;
  CHECK(c.begin().copies.size() == 4);
}

TEST_CASE("Copies are spread over sources and targets") {
  Cluster c(10);
  for (std::uint64_t id = 1; id <= 20; ++id) c.block(id, {0, 1, 2, 3}, 5);
  std::map<NodeIndex, int> out;
  for (const CopyTask& task : c.plan().copies) ++out[task.source];
  for (const auto& [node, count] : out) CHECK(count <= 4);
  CHECK(out.size() == 4);
}

TEST_CASE("A copy that is late is given to others, and a block is never copied twice at a time") {
  Cluster c(5);
  c.block(1, {0, 1});
  const auto first = c.begin();
  REQUIRE(first.copies.size() == 1);
  CHECK(c.begin().copies.empty());
  c.now += seconds(121);
  const auto second = c.begin();
  REQUIRE(second.copies.size() == 1);
  CHECK(second.copies[0].source != first.copies[0].source);
  CHECK(second.copies[0].targets != first.copies[0].targets);
  c.copy_done(second.copies[0]);
  CHECK(c.begin().copies.empty());
  CHECK(c.work.copies_in_flight() == 0);
}

TEST_CASE("A copy whose target or source dies frees its streams at once") {
  Cluster c(4);
  c.block(1, {0, 1});
  const auto first = c.begin();
  REQUIRE(first.copies.size() == 1);
  c.kill(first.copies[0].targets[0].value);
  const auto second = c.begin();
  REQUIRE(second.copies.size() == 1);
  CHECK(second.copies[0].targets != first.copies[0].targets);
  CHECK(c.work.streams(second.copies[0].source).out == 1);
}

TEST_CASE("Nothing happens in safe mode") {
  Cluster c(5);
  c.block(1, {0});
  c.block(2, {0, 1, 2, 3});
  const auto plan = c.plan(true);
  CHECK(plan.copies.empty());
  CHECK(plan.deletes.empty());
}

TEST_CASE("No surplus is trimmed before every live node has reported in full") {
  Cluster c(5);
  c.block(1, {0, 1, 2, 3});
  const Node& node = c.registry.get(NodeIndex{4});
  REQUIRE(c.registry.register_node({node.id, 2, node.host, node.data, node.rack, node.usage}, c.now)
              .ok());
  CHECK(c.plan().deletes.empty());
  c.registry.report_completed(NodeIndex{4});
  CHECK(c.plan().deletes.size() == 1);
}

TEST_CASE(
    "Blocks with several replicas wait for the first report of a node, the last ones do not") {
  Cluster c(5);
  c.block(1, {0, 1});
  c.block(2, {0});
  NodeUsage usage;
  REQUIRE(c.registry.register_node({NodeId{0, 99}, 1, "x", {"x", 9866}, "/r0", usage}, c.now).ok());
  const auto early = c.plan();
  REQUIRE(early.copies.size() == 1);
  CHECK(early.copies[0].block.id == BlockId{2});
  c.now += seconds(30);
  CHECK(c.plan().copies.size() == 2);
}

TEST_CASE("A surplus is trimmed once, and later rounds choose no other victim") {
  Cluster c(5);
  c.block(1, {0, 1, 2, 3, 4});
  const auto first = c.begin();
  CHECK(first.deletes.size() == 2);
  CHECK(first.deletes[0].generation == 2);
  for (int i = 0; i < 5; ++i) CHECK(c.begin().deletes.empty());
  c.now += seconds(31);  // Unconfirmed: the same two again.
  auto repeated = c.begin().deletes;
  REQUIRE(repeated.size() == 2);
  for (const auto& command : repeated) {
    CHECK(std::find(first.deletes.begin(), first.deletes.end(), command) != first.deletes.end());
    c.map.remove_replica(command.node, command.block, command.generation);
    c.work.delete_confirmed(command.node, command.block);
  }
  CHECK(c.begin().deletes.empty());
  // As each was sent twice, the second command may still arrive: remembered, but not for ever.
  CHECK(c.work.deletes_in_flight() == 2);
  c.now += seconds(601);
  CHECK(c.begin().deletes.empty());
  CHECK(c.work.deletes_in_flight() == 0);
}

TEST_CASE("A deletion that was never carried out is not repeated once the replica is needed") {
  Cluster c(4);
  c.block(1, {0, 1, 2, 3});
  const auto first = c.begin();
  REQUIRE(first.deletes.size() == 1);
  const NodeIndex spared = first.deletes[0].node;
  c.options.copies_max = 0;
  c.kill(spared.value == 0 ? 1 : 0);
  c.now += seconds(31);
  CHECK(c.begin().deletes.empty());
  CHECK(c.map.readable_replicas(BlockId{1}).size() == 2);
  // Long after any message has arrived or is lost the replica counts again.
  c.now += seconds(601);
  c.begin();
  CHECK(c.map.readable_replicas(BlockId{1}).size() == 3);
}

TEST_CASE("A replica that comes back while its deletion may be under way is the victim again") {
  Cluster c(4);
  c.block(1, {0, 1, 2, 3});
  const auto first = c.begin();
  REQUIRE(first.deletes.size() == 1);
  const NodeIndex victim = first.deletes[0].node;
  c.kill(victim.value);
  const Node node = c.registry.get(victim);
  REQUIRE(c.registry.register_node({node.id, 2, node.host, node.data, node.rack, node.usage}, c.now)
              .ok());
  c.registry.report_completed(victim);
  follow_node(c.map, c.registry, victim);
  c.map.add_reported(victim, {BlockId{1}, 2, 1 << 20, false}, nullptr);
  const auto second = c.begin();
  REQUIRE(second.deletes.size() == 1);
  CHECK(second.deletes[0].node == victim);
}

TEST_CASE("What was begun when the leadership was lost is void, and its deletions count no more") {
  Cluster cluster(4);
  cluster.block(1, {0, 1, 2, 3});
  cluster.block(2, {0, 1});
  const auto plan = cluster.begin();
  REQUIRE(plan.deletes.size() == 1);
  REQUIRE(plan.copies.size() == 1);
  REQUIRE(cluster.map.is_deleting(plan.deletes[0].node, BlockId{1}));
  cluster.work.abandon(cluster.map);
  CHECK_FALSE(cluster.map.is_deleting(plan.deletes[0].node, BlockId{1}));
  CHECK(cluster.work.copies_in_flight() == 0);
  CHECK(cluster.work.deletes_in_flight() == 0);
  for (std::uint16_t node = 0; node < 4; ++node) {
    const auto streams = cluster.work.streams(NodeIndex{node});
    CHECK(streams.out + streams.in == 0);
    CHECK(streams.bytes_leaving == 0);
  }
  CHECK(cluster.begin().copies.size() == 1);
}

TEST_CASE("A deletion needs as many good replicas on live nodes as are wanted") {
  Cluster c(4);
  c.block(1, {0, 1, 2, 3});
  c.registry.tick(c.now + seconds(1));
  for (const std::uint64_t id : {1, 2, 3}) {
    const NodeUsage usage = c.registry.get(NodeIndex{0}).usage;
    REQUIRE(c.registry.heartbeat(NodeId{0, id}, 1, usage, c.now + seconds(3)).ok());
  }
  c.registry.tick(c.now + seconds(3));
  REQUIRE(c.registry.get(NodeIndex{3}).state == NodeState::kStale);
  CHECK(c.plan().deletes.empty());
}

TEST_CASE("The replica on a node that comes and goes is trimmed before those on steady ones") {
  Cluster c(4);
  c.block(1, {0, 1, 2});
  c.kill(3);
  const Node node = c.registry.get(NodeIndex{3});
  REQUIRE(c.registry.register_node({node.id, 2, node.host, node.data, node.rack, node.usage}, c.now)
              .ok());
  follow_node(c.map, c.registry, NodeIndex{3});
  c.map.add_reported(NodeIndex{3}, {BlockId{1}, 2, 1 << 20, false}, nullptr);
  c.registry.report_completed(NodeIndex{3});
  const auto plan = c.plan();
  REQUIRE(plan.deletes.size() == 1);
  CHECK(plan.deletes[0].node == NodeIndex{3});
  // Nor does it get copies before it has settled.
  c.block(2, {0, 1, 2}, 4);
  CHECK(c.plan().copies.empty());
  c.now += seconds(10);
  CHECK(c.plan().copies.size() == 1);
}

TEST_CASE("Trimming keeps the replicas on two racks") {
  Cluster c(0);
  for (int i = 0; i < 3; ++i) c.add_node("/r0", 0.1);
  c.add_node("/r1", 0.9);  // The fullest, but the only one on its rack.
  c.block(1, {0, 1, 2, 3});
  const auto plan = c.plan();
  REQUIRE(plan.deletes.size() == 1);
  CHECK(plan.deletes[0].node != NodeIndex{3});
}

TEST_CASE("A misplaced block gets a copy on another rack, and then loses one where two are") {
  Cluster c(6, 2);
  c.block(1, {0, 2, 4});
  const auto move = c.begin();
  REQUIRE(move.copies.size() == 1);
  CHECK(c.registry.get(move.copies[0].targets[0]).rack == "/r1");
  c.copy_done(move.copies[0]);
  const auto trim = c.begin();
  REQUIRE(trim.deletes.size() == 1);
  CHECK(c.registry.get(trim.deletes[0].node).rack == "/r0");
}

TEST_CASE("A corrupt replica is replaced first and deleted only then") {
  Cluster c(4);
  c.block(1, {0, 1, 2});
  REQUIRE(c.map.mark_corrupt(NodeIndex{0}, BlockId{1}, 2));
  const auto copy = c.begin();
  CHECK(copy.deletes.empty());
  REQUIRE(copy.copies.size() == 1);
  CHECK(copy.copies[0].source != NodeIndex{0});
  CHECK(copy.copies[0].targets == std::vector{NodeIndex{3}});
  c.copy_done(copy.copies[0]);
  const auto clean = c.begin();
  CHECK(clean.deletes == std::vector{ReplicaDelete{BlockId{1}, 2, NodeIndex{0}}});
}

TEST_CASE("With no other node left a corrupt replica makes room for a good one") {
  Cluster c(3);
  c.block(1, {0, 1, 2});
  REQUIRE(c.map.mark_corrupt(NodeIndex{0}, BlockId{1}, 2));
  CHECK(c.begin().deletes == std::vector{ReplicaDelete{BlockId{1}, 2, NodeIndex{0}}});
  CHECK(c.begin().deletes.empty());
  c.map.remove_replica(NodeIndex{0}, BlockId{1}, 2);
  c.work.delete_confirmed(NodeIndex{0}, BlockId{1});
  const auto copy = c.begin();
  REQUIRE(copy.copies.size() == 1);
  CHECK(copy.copies[0].targets == std::vector{NodeIndex{0}});
}

TEST_CASE("A node with an older generation may get the newer one") {
  Cluster c(3);
  c.block(1, {0, 1});
  c.map.add_reported(NodeIndex{2}, {BlockId{1}, 1, 1 << 20, false}, nullptr);
  const auto plan = c.plan();
  REQUIRE(plan.copies.size() == 1);
  CHECK(plan.copies[0].targets == std::vector{NodeIndex{2}});
}

TEST_CASE("The last corrupt or stale replicas of a block without a good one are kept") {
  Cluster c(4);
  c.block(1, {0});
  c.map.mark_corrupt(NodeIndex{0}, BlockId{1}, 2);
  c.map.add_reported(NodeIndex{1}, {BlockId{1}, 1, 1 << 20, false}, nullptr);
  const auto plan = c.plan();
  CHECK(plan.deletes.empty());
  CHECK(plan.copies.empty());
}

TEST_CASE("A decommissioning node is emptied by copies and is itself a source") {
  Cluster c(4);
  c.block(1, {0, 1, 2});
  c.block(2, {0}, 1);
  const auto event = c.registry.set_admin(NodeIndex{0}, AdminState::kDecommissioning);
  follow_events(c.map, c.registry, std::vector{*event});
  CHECK(c.map.draining_blocks(NodeIndex{0}) == 2);
  const auto plan = c.begin();
  REQUIRE(plan.copies.size() == 2);
  CHECK(plan.copies[0].block.id == BlockId{2});
  CHECK(plan.copies[0].source == NodeIndex{0});
  for (const CopyTask& task : plan.copies) {
    CHECK_FALSE(contains(task.targets, NodeIndex{0}));
    c.copy_done(task);
  }
  CHECK(c.map.draining_blocks(NodeIndex{0}) == 0);
  CHECK(c.begin().deletes.empty());  // What it has stays until it is removed.
}

TEST_CASE("Blocks that cannot be helped do not keep the round from those that can") {
  Cluster c(3);
  for (std::uint64_t id = 1; id <= 100; ++id) c.block(id, {0, 1, 2}, 4);  // No fourth node.
  c.block(101, {0, 1});
  c.options.examined_max = 10;
  std::size_t copies = 0;
  for (int round = 0; round < 12; ++round) copies += c.begin().copies.size();
  CHECK(copies == 1);
}

TEST_CASE("The same input and seed give the same plan") {
  Cluster c(8, 3);
  for (std::uint64_t id = 1; id <= 40; ++id) {
    c.block(id, {static_cast<std::uint16_t>(id % 8), static_cast<std::uint16_t>((id + 3) % 8)});
  }
  c.random.seed(5);
  const auto first = c.plan();
  c.random.seed(5);
  const auto second = c.plan();
  CHECK(first.copies == second.copies);
  CHECK(first.deletes == second.deletes);
}

}  // namespace minidfs::metadata
