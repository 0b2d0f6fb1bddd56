// Balancing: by single rounds, and by whole runs on a cluster whose nodes tell late what they have.
#include <algorithm>
#include <cmath>

#include "metadata/balance_run.hpp"
#include "unit/metadata/planner_cluster.hpp"

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kCapacity = 1000 * kMiB;

// Nodes of 1000 MiB whose used space is that of their blocks, and which carry out what they are
// told: copies within a round, deletions in the next one. Space is told with both, or late.
class Busy {
 public:
  Cluster cluster{0};
  std::size_t moves = 0;

  explicit Busy(std::size_t nodes, std::uint16_t racks = 1) {
    cluster.options.balance = true;
    cluster.options.balance_copies_max = 128;
    cluster.options.streams_out_max = cluster.options.streams_in_max = 512;
    cluster.options.placement.reserve_bytes = 0;
    for (std::size_t i = 0; i < nodes; ++i) add(racks);
  }

  void add(std::uint16_t racks = 1) {
    cluster.add_node("/r" + std::to_string(used_.size() % racks), 0, kCapacity);
    used_.push_back(0);
  }

  void block(std::vector<std::uint16_t> on, std::uint64_t length) {
    const auto wanted = static_cast<std::uint8_t>(on.size());
    for (const auto node : on) used_[node] += length;
    cluster.block(++blocks_, std::move(on), wanted, length);
  }

  // Every node tells what it holds.
  void beat() {
    for (std::size_t i = 0; i < used_.size(); ++i) {
      NodeUsage usage;
      usage.capacity_bytes = kCapacity;
      usage.used_bytes = used_[i];
      usage.free_bytes = kCapacity - std::min(kCapacity, used_[i]);
      if (is_dead(NodeIndex{static_cast<std::uint16_t>(i)})) continue;
      REQUIRE(cluster.registry.heartbeat(NodeId{0, i + 1}, 1, usage, cluster.now).ok());
    }
  }

  ReplicationPlan round() {
    cluster.now += milliseconds(250);
    for (const auto& command : deletes_) {
      if (is_dead(command.node)) continue;
      const auto length = cluster.map.find(command.block)->block.length;
      cluster.map.remove_replica(command.node, command.block, command.generation);
      cluster.work.delete_confirmed(command.node, command.block);
      used_[command.node.value] -= length;
    }
    // What has come or gone is told by a heartbeat, which has the space used then.
    if (++rounds_ % 3 == 0 || !deletes_.empty() || copied_) beat();
    auto plan = cluster.begin();
    copied_ = !plan.copies.empty();
    for (const auto& task : plan.copies) {
      moves += task.why == Need::kNone ? 1 : 0;
      for (const auto target : task.targets) used_[target.value] += task.block.length;
      cluster.copy_done(task);
    }
    deletes_ = plan.deletes;
    return plan;
  }

  // Runs a balance to its end; its state then.
  BalanceRun::State run(double threshold) {
    BalanceRun run;
    run.begin(threshold, cluster.registry, cluster.work);
    for (int i = 0; i < 2000; ++i) {
      cluster.options.balance_copies_max = 128;
      run.adjust(cluster.options, cluster.registry);
      const auto plan = round();
      if (run.follow(plan, cluster.map, cluster.work, cluster.registry)) return run.state();
    }
    return run.state();
  }

  bool is_dead(NodeIndex node) const {
    return cluster.registry.get(node).state == NodeState::kDead;
  }

  std::uint32_t copies_min() const {
    std::uint32_t copies = UINT32_MAX;
    for (std::uint64_t id = 1; id <= blocks_; ++id) {
      copies = std::min(copies, cluster.map.tally(*cluster.map.find(BlockId{id})).live);
    }
    return copies;
  }

  std::uint64_t used(std::size_t node) const { return used_[node]; }

 private:
  std::vector<std::uint64_t> used_;
  std::vector<ReplicaDelete> deletes_;
  std::uint64_t blocks_ = 0;
  bool copied_ = false;
  int rounds_ = 0;
};

}  // namespace

TEST_CASE("Balance moves blocks from full nodes to empty ones when nothing else is to be done") {
  Cluster c(0);
  c.options.balance = true;
  for (int i = 0; i < 3; ++i) c.add_node("/r0", 0.8);
  const NodeIndex empty = c.add_node("/r0", 0.1);
  for (std::uint64_t id = 1; id <= 20; ++id) c.block(id, {0, 1, 2});
  const auto plan = c.begin();
  REQUIRE_FALSE(plan.copies.empty());
  CHECK(plan.copies.size() <= c.options.balance_copies_max);
  for (const CopyTask& task : plan.copies) {
    CHECK(task.why == Need::kNone);
    CHECK(task.targets == std::vector{empty});
    c.copy_done(task);
  }
  const auto trim = c.begin();
  CHECK(trim.deletes.size() == plan.copies.size());
  for (const auto& command : trim.deletes) CHECK(command.node != empty);
  c.block(99, {0, 1});
  for (const CopyTask& task : c.plan().copies) CHECK(task.why == Need::kOneShort);
}

TEST_CASE("Nodes within the threshold of the mean are left alone") {
  Cluster c(0);
  c.options.balance = true;
  for (const double share : {0.50, 0.52, 0.48}) c.add_node("/r0", share);
  c.block(1, {0, 1}, 2);
  CHECK(c.plan().copies.empty());
}

TEST_CASE("A balance of many small blocks ends within the threshold") {
  Busy busy(4);
  for (int i = 0; i < 300; ++i) busy.block({0, 1}, kMiB);
  CHECK(busy.run(0.05) == BalanceRun::State::kReached);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(std::abs(static_cast<double>(busy.used(i)) / kMiB - 150) <= 7.5);
  CHECK(busy.moves <= 310);
  CHECK(busy.run(0.05) == BalanceRun::State::kReached);
}

TEST_CASE("Few large blocks are not moved to and fro: when no move helps the balance ends") {
  Busy busy(3);
  for (int i = 0; i < 4; ++i) busy.block({0}, 100 * kMiB);
  CHECK(busy.run(0.05) == BalanceRun::State::kStuck);
  // 4, 0, 0 has become 2, 1, 1.
  CHECK(busy.moves == 2);
  CHECK(busy.used(0) == 200 * kMiB);
  for (int i = 0; i < 50; ++i) busy.round();
  CHECK(busy.moves == 2);

  Busy one(2);
  one.block({0}, 100 * kMiB);
  CHECK(one.run(0.05) == BalanceRun::State::kStuck);
  CHECK(one.moves == 0);
}

TEST_CASE("A balance judges no figures that are older than itself") {
  Busy busy(2);
  for (int i = 0; i < 100; ++i) busy.block({0}, kMiB);
  // The nodes have told nothing yet: by what they told last they are even.
  CHECK(node_balance(busy.cluster.registry).deviation == 0);
  CHECK(busy.run(0.05) == BalanceRun::State::kReached);
  CHECK(busy.moves >= 45);
  CHECK(busy.moves <= 50);
}

TEST_CASE("Balancing keeps the replicas on two racks") {
  Busy busy(4, 2);
  for (int i = 0; i < 200; ++i) busy.block({0, 1}, kMiB);
  CHECK(busy.run(0.05) == BalanceRun::State::kReached);
  busy.round();  // The last deletions are carried out.
  for (std::uint64_t id = 1; id <= 200; ++id) {
    const auto view = busy.cluster.map.find(BlockId{id});
    REQUIRE(view->replicas.size() == 2);
    CHECK(view->replicas[0].node.value % 2 != view->replicas[1].node.value % 2);
  }
}

TEST_CASE(
    "No block falls below its copies while it is moved, and a stopped balance moves nothing") {
  Busy busy(5);
  for (int i = 0; i < 200; ++i) busy.block({0, 1, 2}, kMiB);
  BalanceRun run;
  run.begin(0.05, busy.cluster.registry, busy.cluster.work);
  for (int i = 0; i < 100 && run.running(); ++i) {
    run.adjust(busy.cluster.options, busy.cluster.registry);
    run.follow(busy.round(), busy.cluster.map, busy.cluster.work, busy.cluster.registry);
    CHECK(busy.copies_min() == 3);
    if (busy.moves > 100) run.stop();
  }
  CHECK(run.state() == BalanceRun::State::kStopped);
}

TEST_CASE("A balance during which a node dies waits for repair and goes on with the others") {
  Busy busy(5);
  for (int i = 0; i < 200; ++i) busy.block({0, 1, 2}, kMiB);
  busy.beat();
  for (int i = 0; i < 10; ++i) busy.round();
  CHECK(busy.moves > 0);
  busy.cluster.kill(4);
  CHECK(busy.run(0.1) == BalanceRun::State::kReached);
  CHECK(busy.copies_min() == 3);
}

}  // namespace minidfs::metadata
