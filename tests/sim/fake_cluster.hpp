// Datanodes that exist only as tables, joined to the real registry, block map, planner and orphan
// collector of a namenode. One step is one second. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "metadata/block_map.hpp"
#include "metadata/block_report.hpp"
#include "metadata/node_registry.hpp"
#include "metadata/orphan_collector.hpp"
#include "metadata/repair_work.hpp"
#include "metadata/replication_planner.hpp"
#include "metadata/write_sessions.hpp"

namespace minidfs::sim {

using namespace metadata;  // The test is about that folder only.

struct DiskReplica {
  std::uint64_t generation = 0;
  bool corrupt = false;
};

struct FakeNode {
  NodeId id;
  std::uint64_t incarnation = 1;
  std::string rack;
  NodeIndex index;       // As the registry knows it.
  bool running = true;   // The process lives.
  bool stopped = false;  // It neither sends nor does anything (SIGSTOP, or cut off).
  bool registered = false;
  int report_due = -1;  // The step at which the report made at registration arrives.
  std::map<BlockId, DiskReplica> disk;                  // Survives the process.
  std::vector<Block> report;                            // As of the moment it was made.
  ChangeCollector changes;                              // Not yet sent.
  std::vector<std::pair<int, ReplicaDelete>> commands;  // On the wire, with the step of arrival.

  bool works() const { return running && !stopped; }
};

struct RunningCopy {
  CopyTask task;
  int ends_at = 0;  // Step; never for one that hangs.
};

class FakeCluster {
 public:
  explicit FakeCluster(std::uint64_t seed);

  // --- Faults and users' doings; each may find nothing to do ---
  void random_fault();
  void write_block();
  void delete_block();
  void append_block();
  void set_replication();
  void kill_node();
  void stop_node();
  void revive_node();
  void lose_replica();
  void corrupt_replica();

  // Everything runs again, and every bad or lost replica is found.
  void heal();
  void step();

  // --- What the checker looks at ---
  const std::map<BlockId, OwnedBlock>& files() const { return files_; }
  const std::vector<FakeNode>& nodes() const { return nodes_; }
  const BlockMap& map() const { return map_; }
  const NodeRegistry& registry() const { return registry_; }
  const RepairWork& work() const { return work_; }
  const PlannerOptions& planner_options() const { return planner_; }
  // The last round's plan, and the state it was made from is `map()` after it was begun.
  const ReplicationPlan& last_plan() const { return plan_; }
  // Those of its deletions that are no repetition of a decision made before.
  struct NewDelete {
    ReplicaDelete command;
    bool was_good = false;  // As far as the namenode could know.
  };
  const std::vector<NewDelete>& new_deletes() const { return new_deletes_; }
  // A deletion that would hit the current generation was sent there and has neither been carried
  // out nor been lost with the process.
  bool delete_under_way(BlockId block, NodeIndex node) const;
  std::size_t good_replicas(BlockId block) const;  // On all disks.
  std::string describe(BlockId block) const;

 private:
  FakeNode* pick(bool (*wanted)(const FakeNode&));
  FakeNode& by_index(NodeIndex index);
  bool chance(std::uint64_t one_in) { return random_below(random_, one_in) == 0; }
  const OwnedBlock* pick_block();
  bool loses_last_good(BlockId block, const FakeNode& node) const;
  void forget_process(FakeNode& node);
  void node_step(FakeNode& node);
  void register_node(FakeNode& node);
  void send_changes(FakeNode& node);
  void deliver_report(FakeNode& node);
  void run_commands(FakeNode& node);
  void run_copies();
  bool finish_copy(const CopyTask& task);
  void store(FakeNode& node, const Block& block);
  void send_deletes(const std::vector<ReplicaDelete>& deletes);
  void namenode_step();
  std::vector<OwnedBlock> look_up(const std::vector<BlockId>& blocks) const;
  const Block* expected(BlockId block) const;

  Random random_;
  int step_ = 0;
  TimePoint now_{};
  std::vector<FakeNode> nodes_;
  std::vector<RunningCopy> copies_;
  std::map<BlockId, OwnedBlock> files_;  // The namespace.
  std::uint64_t next_block_ = 1;
  bool faults_ = true;

  NodeRegistry registry_;
  BlockMap map_;
  RepairWork work_;
  PlannerOptions planner_;
  WriteSessions sessions_;
  OrphanCollector orphans_;
  ReplicationPlan plan_;
  std::vector<NewDelete> new_deletes_;
};

}  // namespace minidfs::sim
