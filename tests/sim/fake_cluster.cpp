#include "sim/fake_cluster.hpp"

#include <algorithm>

#include "metadata/node_effects.hpp"
#include "metadata/placement.hpp"

namespace minidfs::sim {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kLength = 1 << 20;

// Waits are short, so that a schedule takes few steps; their order is that of the defaults.
RepairWorkOptions repair_options() {
  RepairWorkOptions options;
  options.copy_timeout = seconds(8);
  options.avoid_for = seconds(15);
  options.retry_after = seconds(4);
  options.delete_repeat = seconds(4);
  options.delete_memory = seconds(40);
  return options;
}

PlannerOptions short_waits() {
  PlannerOptions options;
  options.streams_out_max = 2;
  options.streams_in_max = 2;
  options.copies_max = 6;
  options.deletes_max = 5;
  options.examined_max = 7;  // Rounds that do not see everything are the rule here.
  options.settle_time = seconds(4);
  options.report_wait = seconds(5);
  options.balance = false;
  options.placement.reserve_bytes = 0;
  return options;
}

}  // namespace

FakeCluster::FakeCluster(std::uint64_t seed)
    : random_(seed),
      work_(repair_options()),
      planner_(short_waits()),
      sessions_(SessionId{1}),
      orphans_({seconds(6), seconds(4), 5}) {
  const std::uint64_t count = 3 + random_below(random_, 4);
  const std::uint64_t racks = 1 + random_below(random_, 3);
  for (std::uint64_t i = 0; i < count; ++i) {
    FakeNode& node = nodes_.emplace_back();
    node.id = NodeId{0, i + 1};
    node.rack = "/r" + std::to_string(i % racks);
  }
  for (int i = 0; i < 3; ++i) step();
  for (std::uint64_t i = random_below(random_, 8); i > 0; --i) write_block();
}

FakeNode* FakeCluster::pick(bool (*wanted)(const FakeNode&)) {
  const std::uint64_t start = random_below(random_, nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    FakeNode& node = nodes_[(start + i) % nodes_.size()];
    if (wanted(node)) return &node;
  }
  return nullptr;
}

FakeNode& FakeCluster::by_index(NodeIndex index) {
  return *std::find_if(nodes_.begin(), nodes_.end(),
                       [&](const FakeNode& n) { return n.index == index; });
}

const OwnedBlock* FakeCluster::pick_block() {
  if (files_.empty()) return nullptr;
  auto at = files_.begin();
  std::advance(at, random_below(random_, files_.size()));
  return &at->second;
}

const Block* FakeCluster::expected(BlockId block) const {
  const auto at = files_.find(block);
  return at == files_.end() ? nullptr : &at->second.block;
}

std::size_t FakeCluster::good_replicas(BlockId block) const {
  const Block* wanted = expected(block);
  std::size_t count = 0;
  for (const FakeNode& node : nodes_) {
    const auto at = node.disk.find(block);
    if (wanted == nullptr || at == node.disk.end()) continue;
    if (!at->second.corrupt && at->second.generation == wanted->generation) ++count;
  }
  return count;
}

bool FakeCluster::delete_under_way(BlockId block, NodeIndex index) const {
  const Block* current = expected(block);
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const FakeNode& node) {
    return node.index == index &&
           std::any_of(node.commands.begin(), node.commands.end(), [&](const auto& c) {
             return c.second.block == block && current != nullptr &&
                    c.second.generation >= current->generation;
           });
  });
}

// Faults spare the last good replica: what is lost nevertheless was lost by the namenode. They also
// spare replicas of which the namenode would go on believing for some seconds that they are good:
// no planner can know, and with one copy wanted it may keep just that one.
bool FakeCluster::loses_last_good(BlockId block, const FakeNode& node) const {
  const Node* known = registry_.find(node.id);
  const bool believed = known != nullptr && known->state != NodeState::kDead;
  if (believed && (!node.works() || known->incarnation != node.incarnation)) return true;
  const Block* wanted = expected(block);
  const DiskReplica& replica = node.disk.at(block);
  const bool good =
      wanted != nullptr && !replica.corrupt && replica.generation == wanted->generation;
  if (!good) return false;
  // A replica whose deletion is under way may be gone the next moment.
  std::size_t others = 0;
  for (const FakeNode& other : nodes_) {
    const auto at = other.disk.find(block);
    if (&other == &node || at == other.disk.end() || at->second.corrupt) continue;
    if (at->second.generation != wanted->generation) continue;
    if (!delete_under_way(block, other.index)) ++others;
  }
  return others == 0;
}

// --- Faults and users' doings ---

void FakeCluster::random_fault() {
  switch (random_below(random_, 16)) {
    case 0:
    case 1:
    case 2:
      write_block();
      break;
    case 3:
      delete_block();
      break;
    case 4:
      append_block();
      break;
    case 5:
      set_replication();
      break;
    case 6:
      kill_node();
      break;
    case 7:
      stop_node();
      break;
    case 8:
    case 9:
    case 10:
      revive_node();
      break;
    case 11:
      lose_replica();
      break;
    case 12:
      corrupt_replica();
      break;
    default:
      break;  // A quiet second.
  }
}

void FakeCluster::write_block() {
  PlacementRequest request;
  request.wanted = static_cast<std::uint32_t>(1 + random_below(random_, 3));
  request.block_bytes = kLength;
  const OwnedBlock owned{{BlockId{next_block_++}, 1, kLength},
                         static_cast<std::uint8_t>(request.wanted)};
  std::vector<NodeIndex> acknowledged;
  for (const NodeIndex target : choose_targets(registry_, request, planner_.placement, random_)) {
    FakeNode& node = by_index(target);
    if (!node.works()) continue;
    store(node, owned.block);
    if (!chance(8)) acknowledged.push_back(target);  // Else the answer was lost.
  }
  if (acknowledged.empty()) return;  // The write failed; what was stored is an orphan.
  if (chance(2)) {
    for (FakeNode& node : nodes_) {
      if (node.works() && node.registered) send_changes(node);  // The report overtakes the commit.
    }
  }
  files_[owned.block.id] = owned;
  map_.commit_block(owned, acknowledged);
}

void FakeCluster::delete_block() {
  const OwnedBlock* owned = pick_block();
  if (owned == nullptr) return;
  const BlockId block = owned->block.id;
  files_.erase(block);
  send_deletes(map_.free_block(block));
}

void FakeCluster::append_block() {
  const OwnedBlock* owned = pick_block();
  if (owned == nullptr) return;
  OwnedBlock newer = *owned;
  ++newer.block.generation;
  std::vector<NodeIndex> acknowledged;
  for (const Replica& replica : map_.readable_replicas(owned->block.id)) {
    FakeNode& node = by_index(replica.node);
    const auto at = node.disk.find(owned->block.id);
    if (!node.works() || at == node.disk.end() || at->second.corrupt) continue;
    // The replica may be on its way out, unknown to the client.
    if (delete_under_way(owned->block.id, node.index) || chance(4)) continue;
    store(node, newer.block);
    acknowledged.push_back(node.index);
  }
  if (acknowledged.empty()) return;
  files_[newer.block.id] = newer;
  map_.commit_block(newer, acknowledged);
}

void FakeCluster::set_replication() {
  const OwnedBlock* owned = pick_block();
  if (owned == nullptr) return;
  const auto wanted = static_cast<std::uint8_t>(1 + random_below(random_, 3));
  files_[owned->block.id].wanted = wanted;
  map_.set_wanted(owned->block.id, wanted);
}

void FakeCluster::forget_process(FakeNode& node) {
  node.running = false;
  node.stopped = false;
  node.registered = false;
  node.report_due = -1;
  node.changes.clear();
  node.commands.clear();
}

void FakeCluster::kill_node() {
  if (FakeNode* node = pick([](const FakeNode& n) { return n.running; })) forget_process(*node);
}

void FakeCluster::stop_node() {
  if (FakeNode* node = pick([](const FakeNode& n) { return n.works(); })) node->stopped = true;
}

void FakeCluster::revive_node() {
  FakeNode* node = pick([](const FakeNode& n) { return !n.works(); });
  if (node == nullptr) return;
  if (!node->running) ++node->incarnation;
  node->running = true;
  node->stopped = false;
}

void FakeCluster::lose_replica() {
  FakeNode* node = pick([](const FakeNode& n) { return !n.disk.empty(); });
  if (node == nullptr) return;
  auto at = node->disk.begin();
  std::advance(at, random_below(random_, node->disk.size()));
  if (loses_last_good(at->first, *node)) return;
  // A node that runs tells: as corrupt, for only what was ordered is reported as removed. One that
  // does not run will not have it in its report.
  if (node->running) node->changes.found_corrupt({at->first, at->second.generation, kLength});
  node->disk.erase(at);
}

void FakeCluster::corrupt_replica() {
  FakeNode* node = pick([](const FakeNode& n) { return !n.disk.empty(); });
  if (node == nullptr) return;
  auto at = node->disk.begin();
  std::advance(at, random_below(random_, node->disk.size()));
  if (loses_last_good(at->first, *node)) return;
  at->second.corrupt = true;
  if (node->running) node->changes.found_corrupt({at->first, at->second.generation, kLength});
}

void FakeCluster::heal() {
  faults_ = false;
  for (FakeNode& node : nodes_) {
    if (!node.running) ++node.incarnation;
    node.running = true;
    node.stopped = false;
    for (const auto& [block, replica] : node.disk) {
      if (replica.corrupt) node.changes.found_corrupt({block, replica.generation, kLength});
    }
  }
}

// --- Datanodes ---

void FakeCluster::step() {
  ++step_;
  now_ += seconds(1);
  for (FakeNode& node : nodes_) node_step(node);
  run_copies();
  namenode_step();
}

void FakeCluster::node_step(FakeNode& node) {
  if (!node.works()) return;
  const NodeUsage usage{1ULL << 40, 0, 1ULL << 40, node.disk.size(), 0, 0};
  const auto beat = registry_.heartbeat(node.id, node.incarnation, usage, now_);
  if (!beat.ok()) {
    register_node(node);
    return;
  }
  if (*beat) follow_events(map_, registry_, std::vector{**beat});
  run_commands(node);
  send_changes(node);
  deliver_report(node);
}

void FakeCluster::register_node(FakeNode& node) {
  const NodeUsage usage{1ULL << 40, 0, 1ULL << 40, 0, 0, 0};
  const std::string host = "h" + to_string(node.id);
  const auto result = registry_.register_node(
      {node.id, node.incarnation, host, {host, 9866}, node.rack, usage}, now_);
  MDFS_ASSERT(result.ok());
  node.index = result->node;
  node.registered = true;
  follow_events(map_, registry_, result->events);
  follow_node(map_, registry_, node.index);
  map_.begin_report(node.index);
  // Changes that were never sent are part of the report; what is known as corrupt is told again.
  node.changes.clear();
  node.report.clear();
  for (const auto& [block, replica] : node.disk) {
    node.report.push_back({block, replica.generation, kLength});
    if (replica.corrupt) node.changes.found_corrupt(node.report.back());
  }
  node.report_due = step_ + 1 + static_cast<int>(random_below(random_, 3));
}

std::vector<OwnedBlock> FakeCluster::look_up(const std::vector<BlockId>& blocks) const {
  std::vector<OwnedBlock> owned;
  for (const BlockId block : blocks) {
    if (const auto at = files_.find(block); at != files_.end()) owned.push_back(at->second);
  }
  return owned;
}

void FakeCluster::send_changes(FakeNode& node) {
  IncrementalReport report = node.changes.take(100);
  for (const Block& removed : report.removed) work_.delete_confirmed(node.index, removed.id);
  std::vector<Block> told = report.added;
  told.insert(told.end(), report.corrupt.begin(), report.corrupt.end());
  apply_incremental(map_, node.index, report, look_up(blocks_to_look_up(map_, told)));
}

void FakeCluster::deliver_report(FakeNode& node) {
  if (node.report_due < 0 || step_ < node.report_due) return;
  node.report_due = -1;
  const ReportChunk chunk = next_report_chunk(node.incarnation, nullptr, node.report);
  const auto decoded = decode_report_chunk(encode_report_chunk(chunk));
  MDFS_ASSERT(decoded.ok());
  merge_report_chunk(map_, node.index, *decoded,
                     look_up(blocks_to_look_up(map_, decoded->replicas)));
  map_.end_report(node.index);
  registry_.report_completed(node.index);
}

void FakeCluster::run_commands(FakeNode& node) {
  auto& commands = node.commands;
  for (auto at = commands.begin(); at != commands.end();) {
    if (at->first > step_) {
      ++at;
      continue;
    }
    const ReplicaDelete command = at->second;
    at = commands.erase(at);
    const auto replica = node.disk.find(command.block);
    if (replica != node.disk.end() && replica->second.generation > command.generation) continue;
    if (replica != node.disk.end()) node.disk.erase(replica);
    node.changes.removed({command.block, command.generation, kLength});
  }
}

void FakeCluster::store(FakeNode& node, const Block& block) {
  node.disk[block.id] = {block.generation, false};
  node.changes.stored(block);
}

void FakeCluster::run_copies() {
  std::erase_if(copies_, [&](const RunningCopy& copy) {
    if (copy.ends_at > step_) return false;
    if (!finish_copy(copy.task) && chance(2)) {
      work_.copy_failed(copy.task.block.id, copy.task.source, now_);
    }
    return true;
  });
}

bool FakeCluster::finish_copy(const CopyTask& task) {
  const FakeNode& source = by_index(task.source);
  const auto from = source.disk.find(task.block.id);
  if (!source.works() || from == source.disk.end() || from->second.corrupt) return false;
  if (from->second.generation != task.block.generation) return false;
  for (const NodeIndex target : task.targets) {
    FakeNode& node = by_index(target);
    const auto there = node.disk.find(task.block.id);
    const bool exists =
        there != node.disk.end() && there->second.generation >= task.block.generation;
    if (!node.works() || exists) return false;
    store(node, task.block);
  }
  return true;
}

// --- The namenode ---

void FakeCluster::send_deletes(const std::vector<ReplicaDelete>& deletes) {
  for (const ReplicaDelete& command : deletes) {
    FakeNode& node = by_index(command.node);
    if (!node.running || (faults_ && chance(10))) continue;  // Lost.
    const int delay = static_cast<int>(random_below(random_, faults_ ? 6 : 2));
    node.commands.emplace_back(step_ + delay, command);
  }
}

void FakeCluster::namenode_step() {
  follow_events(map_, registry_, registry_.tick(now_));
  work_.update(map_, now_);
  plan_ = plan_replication({map_, registry_, work_, planner_, false, now_}, random_);
  new_deletes_.clear();
  for (const ReplicaDelete& command : plan_.deletes) {
    const auto view = map_.find(command.block);
    for (const Replica& replica : view->replicas) {
      if (replica.node != command.node || replica.state == ReplicaState::kDeleting) continue;
      new_deletes_.push_back({command, replica.state == ReplicaState::kGood});
    }
  }
  work_.begin(map_, plan_, now_);
  for (const CopyTask& task : plan_.copies) {
    const bool hangs = faults_ && chance(6);
    const int takes = 1 + static_cast<int>(random_below(random_, faults_ ? 10 : 3));
    copies_.push_back({task, hangs ? 1 << 30 : step_ + takes});
  }
  send_deletes(plan_.deletes);
  for (const BlockId block :
       orphans_.due(map_, sessions_, {false, registry_.all_live_reported()}, now_)) {
    send_deletes(map_.free_block(block));
  }
}

std::string FakeCluster::describe(BlockId block) const {
  std::string text = "block " + to_string(block);
  if (const auto at = files_.find(block); at != files_.end()) {
    text += ", generation " + std::to_string(at->second.block.generation) + ", wanted " +
            std::to_string(at->second.wanted);
  }
  text += ", on disks:";
  for (const FakeNode& node : nodes_) {
    const auto at = node.disk.find(block);
    if (at == node.disk.end()) continue;
    text += " " + std::to_string(node.index.value) + "/g" + std::to_string(at->second.generation) +
            (at->second.corrupt ? "/corrupt" : "");
  }
  text += ", in the map:";
  if (const auto view = map_.find(block)) {
    for (const Replica& replica : view->replicas) {
      text += " " + std::to_string(replica.node.value) + "/s" +
              std::to_string(static_cast<int>(replica.state));
    }
  }
  return text;
}

}  // namespace minidfs::sim
