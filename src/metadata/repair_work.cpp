#include "metadata/repair_work.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace minidfs::metadata {
namespace {

const Replica* replica_on(const BlockView& view, NodeIndex node) {
  const auto* at = std::find_if(view.replicas.begin(), view.replicas.end(),
                                [&](const Replica& r) { return r.node == node; });
  return at == view.replicas.end() ? nullptr : at;
}

// The target has what the copy was to bring, or can no longer get it.
bool target_settled(const BlockMap& map, const BlockView& view, NodeIndex target) {
  const Replica* replica = replica_on(view, target);
  if (replica != nullptr && !is_replaced_by_copy(replica->state)) return true;
  return map.node_mode(target) == NodeMode::kGone;
}

bool source_lost(const BlockMap& map, const BlockView& view, NodeIndex source) {
  const Replica* replica = replica_on(view, source);
  const NodeMode mode = map.node_mode(source);
  return replica == nullptr || mode == NodeMode::kGone || mode == NodeMode::kAway ||
         (replica->state != ReplicaState::kGood && replica->state != ReplicaState::kDeleting);
}

}  // namespace

RepairWork::Streams& RepairWork::streams_of(NodeIndex node) {
  if (node.value >= streams_.size()) streams_.resize(std::size_t{node.value} + 1);
  return streams_[node.value];
}

// `sign` is 1 or its complement (minus one).
void RepairWork::count(const CopyTask& task, std::uint32_t sign) {
  const std::uint64_t bytes = sign == 1 ? task.block.length : 0 - task.block.length;
  auto& source = streams_of(task.source);
  source.out += sign;
  source.bytes_out += bytes;
  if (task.why == Need::kNone) source.bytes_leaving += bytes;
  for (const NodeIndex target : task.targets) {
    streams_of(target).in += sign;
    streams_of(target).bytes_in += bytes;
  }
}

void RepairWork::stop_counting(NodeIndex node, SentDelete& sent) {
  streams_of(node).bytes_leaving -= std::exchange(sent.bytes_leaving, 0);
}

void RepairWork::begin(BlockMap& map, const ReplicationPlan& plan, TimePoint now) {
  for (const CopyTask& task : plan.copies) {
    const auto hops = static_cast<std::uint32_t>(task.targets.size());
    const bool fresh =
        copies_.try_emplace(task.block.id, Flight{task, hops, now + options_.copy_timeout}).second;
    MDFS_ASSERT(fresh);
    count(task, 1);
    if (task.why == Need::kNone) ++balance_copies_;
  }
  for (const ReplicaDelete& command : plan.deletes) {
    const auto view = map.find(command.block);
    const Replica* replica = view ? replica_on(*view, command.node) : nullptr;
    map.mark_deleting(command.node, command.block);
    const auto at = deletes_.try_emplace({command.block, command.node}).first;
    if (replica != nullptr && replica->state == ReplicaState::kGood) {
      stop_counting(command.node, at->second);
      at->second.bytes_leaving = view->block.length;
      streams_of(command.node).bytes_leaving += view->block.length;
    }
    deletes_by_time_.erase({at->second.last_sent, at->first});
    unconfirmed_.erase({at->second.last_sent, at->first});
    at->second.last_sent = now;
    at->second.confirmed = false;
    ++at->second.sends;
    deletes_by_time_.insert({now, at->first});
    unconfirmed_.insert({now, at->first});
  }
  resume_at_ = plan.resume_at;
  balance_found_ = plan.balance_found;
}

RepairWork::Copies::iterator RepairWork::end_copy(Copies::iterator at) {
  count(at->second.task, ~0U);
  if (at->second.task.why == Need::kNone) --balance_copies_;
  return copies_.erase(at);
}

void RepairWork::avoid(BlockId block, NodeIndex node, TimePoint now) {
  avoided_[{block, node}] = now;
  avoided_by_time_.push_back({now, {block, node}});
}

void RepairWork::avoid(const Flight& flight, TimePoint now) {
  const BlockId block = flight.task.block.id;
  avoid(block, flight.task.source, now);
  for (const NodeIndex target : flight.task.targets) avoid(block, target, now);
}

void RepairWork::note_arrival(const CopyTask& task) {
  ++copies_arrived_;
  if (task.why != Need::kNone) return;
  ++moves_arrived_;
  moved_bytes_ += task.block.length;
}

void RepairWork::abandon(BlockMap& map) {
  for (const auto& [key, sent] : deletes_) map.cancel_deleting(key.second, key.first);
  deletes_.clear();
  deletes_by_time_.clear();
  unconfirmed_.clear();
  copies_.clear();
  balance_copies_ = 0;
  balance_found_ = false;
  streams_.clear();
  avoided_.clear();
  avoided_by_time_.clear();
  resume_at_ = {};
}

void RepairWork::update(BlockMap& map, TimePoint now) {
  for (auto at = copies_.begin(); at != copies_.end();) {
    Flight& flight = at->second;
    const auto view = map.find(at->first);
    const bool is_void = !view || !view->owned ||
                         view->block.generation != flight.task.block.generation ||
                         source_lost(map, *view, flight.task.source);
    if (is_void) {
      at = end_copy(at);
      continue;
    }
    CopyTask left = flight.task;
    std::erase_if(left.targets, [&](NodeIndex t) {
      if (!target_settled(map, *view, t)) return false;
      const Replica* replica = replica_on(*view, t);
      if (replica != nullptr && replica->state == ReplicaState::kGood) note_arrival(flight.task);
      return true;
    });
    if (left.targets.size() != flight.task.targets.size()) {
      count(flight.task, ~0U);
      flight.task = std::move(left);
      count(flight.task, 1);
    }
    const bool late = now >= flight.deadline;
    if (late) avoid(flight, now);
    at = late || flight.task.targets.empty() ? end_copy(at) : std::next(at);
  }
  for (auto& due = avoided_by_time_; !due.empty() && now - due.front().first >= options_.avoid_for;
       due.pop_front()) {
    const auto at = avoided_.find(due.front().second);
    if (at != avoided_.end() && at->second == due.front().first) avoided_.erase(at);
  }
  forget_old_deletes(map, now);
}

// A replica whose deletion was not repeated, as the block came to need it, counts again.
void RepairWork::forget_old_deletes(BlockMap& map, TimePoint now) {
  while (!deletes_by_time_.empty() &&
         now - deletes_by_time_.begin()->first >= options_.delete_memory) {
    const auto [block, node] = deletes_by_time_.begin()->second;
    map.cancel_deleting(node, block);
    forget_delete(deletes_.find({block, node}));
  }
}

void RepairWork::forget_delete(Deletes::iterator at) {
  stop_counting(at->first.second, at->second);
  deletes_by_time_.erase({at->second.last_sent, at->first});
  unconfirmed_.erase({at->second.last_sent, at->first});
  deletes_.erase(at);
}

void RepairWork::copy_failed(BlockId block, NodeIndex node, TimePoint now) {
  const auto at = copies_.find(block);
  if (at == copies_.end()) return;
  const auto& task = at->second.task;
  const bool takes_part = task.source == node || std::find(task.targets.begin(), task.targets.end(),
                                                           node) != task.targets.end();
  if (!takes_part) return;
  avoid(block, node, now);
  end_copy(at);
}

bool RepairWork::bars(BlockId block, NodeIndex node, TimePoint now) const {
  const auto at = avoided_.find({block, node});
  return at != avoided_.end() && now - at->second < options_.retry_after;
}

// What it deleted meanwhile its new figures of used space show.
void RepairWork::source_restarted(NodeIndex node) {
  for (auto& [key, sent] : deletes_) {
    if (key.second == node) stop_counting(node, sent);
  }
  for (auto at = copies_.begin(); at != copies_.end();) {
    at = at->second.task.source == node ? end_copy(at) : std::next(at);
  }
}

void RepairWork::delete_repeated(NodeIndex node, BlockId block) {
  if (const auto at = deletes_.find({block, node}); at != deletes_.end()) ++at->second.sends;
}

void RepairWork::delete_confirmed(NodeIndex node, BlockId block) {
  const auto at = deletes_.find({block, node});
  if (at == deletes_.end()) return;
  at->second.confirmed = true;
  stop_counting(node, at->second);
  unconfirmed_.erase({at->second.last_sent, at->first});
  if (at->second.sends == 1) forget_delete(at);
}

RepairWork::Streams RepairWork::streams(NodeIndex node) const {
  return node.value < streams_.size() ? streams_[node.value] : Streams{};
}

std::vector<ReplicaDelete> RepairWork::deletes_to_repeat(const BlockMap& map, TimePoint now) const {
  std::vector<ReplicaDelete> due;
  for (const auto& [last_sent, key] : unconfirmed_) {
    if (now - last_sent < options_.delete_repeat) break;
    const auto view = map.find(key.first);
    if (!view || !view->owned) continue;
    const Replica* replica = replica_on(*view, key.second);
    if (replica == nullptr || replica->state != ReplicaState::kDeleting) continue;
    due.push_back({key.first, map.replica_generation(key.second, key.first), key.second});
  }
  return due;
}

}  // namespace minidfs::metadata
