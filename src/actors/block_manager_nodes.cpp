// The part of BlockManager that talks to datanodes.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "actors/block_manager.hpp"
#include "base/logging.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/node_effects.hpp"

namespace minidfs::actors {
namespace {

using metadata::NodeIndex;

// More bad replicas than this in one heartbeat are logged as one event.
constexpr std::size_t kBadReplicasLoggedMax = 20;
constexpr std::size_t kDoubtedInReplyMax = 1'024;

metadata::NodeUsage usage_of(const Heartbeat& request) {
  metadata::NodeUsage usage;
  usage.capacity_bytes = request.capacity_bytes;
  usage.used_bytes = request.used_bytes;
  usage.free_bytes = request.free_bytes;
  usage.replica_count = request.replicas;
  usage.active_writes = request.active_writes;
  usage.active_reads = request.active_reads;
  return usage;
}

constexpr std::size_t kBadDisksTextMax = 500;  // Bytes of an error message.
// Heartbeats of one node whose news wait for the namespace.
constexpr std::size_t kNewsMax = 16;

// The registry asks for a new registration by these codes.
bool means_register_again(const Error& error) {
  return error.code == Errc::kNotFound || error.code == Errc::kStale ||
         error.code == Errc::kExpired;
}

}  // namespace

std::string BlockManager::rack_for(const RegisterNode& request) const {
  if (request.rack != metadata::kDefaultRack || !options_.rack_of) return request.rack;
  const std::array names{request.data.host, request.host};
  auto rack = options_.rack_of(names);
  return rack.empty() ? request.rack : rack;
}

Result<Registered> BlockManager::register_node(const RegisterNode& request, TimePoint now) {
  if (!request.cluster.is_none() && request.cluster != options_.cluster) {
    return Error{Errc::kWrongCluster, "datanode " + to_string(request.data) +
                                          " belongs to cluster " + to_string(request.cluster) +
                                          ", this namenode to " + to_string(options_.cluster)};
  }
  const bool later = knows_later(request);
  metadata::NodeRegistration registration;
  registration.id = request.node;
  registration.incarnation = request.incarnation;
  registration.host = request.host;
  registration.data = request.data;
  registration.rack = rack_for(request);
  registration.usage.capacity_bytes = request.capacity_bytes;
  registration.usage.used_bytes = request.used_bytes;
  registration.usage.free_bytes = request.free_bytes;
  registration.version = request.version;
  MDFS_TRY(const auto registered, registry_.register_node(registration, now));
  const auto& node = registry_.get(registered.node);
  node_events(registered.events);
  metadata::follow_node(map_, registry_, registered.node);
  // A process that has obeyed this leadership before is known by all that it told since then: with
  // its heartbeats, and with the parts of its report. One that follows gives no orders.
  if (!registered.known || (in_office_ && request.epoch != office_.epoch)) {
    forget_process(registered.node);
    registry_.report_due(registered.node);
    note_lost_node(registered.node);  // Its report tells what it has.
  }
  work(registered.node).http.reset();
  // Orders that it had are dropped there.
  work(registered.node).copies.clear();
  work(registered.node).removes.restart();
  repair_work_.source_restarted(registered.node);
  apply_admin(registered.node, now);
  const auto report = order_report(registered.node, now);
  log_info("namenode", "datanode {} ({}, rack {}) registered{}", to_string(node.data),
           to_string(node.id), node.rack, node.report_complete ? " again" : "");
  return Registered{
      options_.cluster, report.number, office_.epoch, applied_, report.from, later, {}};
}

void BlockManager::note_disks(NodeIndex node, const std::vector<DiskState>& disks) {
  std::vector<DiskState> bad;
  std::copy_if(disks.begin(), disks.end(), std::back_inserter(bad),
               [](const DiskState& disk) { return disk.health != DiskHealth::kWorks; });
  auto& known = work(node).bad_disks;
  const auto stands_in = [](const std::vector<DiskState>& list, const DiskState& disk) {
    return std::any_of(list.begin(), list.end(), [&](const DiskState& other) {
      return other.directory == disk.directory && other.health == disk.health;
    });
  };
  const auto name = to_string(registry_.get(node).data);
  for (const auto& disk : bad) {
    if (stands_in(known, disk)) continue;
    log_warn("namenode", "datanode {}: the disk of {} {}", name, disk.directory,
             to_string(disk.health));
  }
  for (const auto& disk : known) {
    if (disk.health == DiskHealth::kHangs && !stands_in(bad, disk)) {
      log_info("namenode", "datanode {}: the disk of {} hangs no more", name, disk.directory);
    }
  }
  known = std::move(bad);
}

std::string BlockManager::bad_disks_text() const {
  std::string text;
  for (const auto& node : registry_.nodes()) {
    if (node.state == metadata::NodeState::kDead || node.index.value >= work_.size()) continue;
    for (const auto& disk : work_[node.index.value].bad_disks) {
      if (text.size() > kBadDisksTextMax) return text + ", …";
      text += ", " + to_string(node.data) + ": the disk of " + disk.directory + " " +
              to_string(disk.health);
    }
  }
  return text;
}

Result<HeartbeatReply> BlockManager::heartbeat(const Heartbeat& request, TimePoint now) {
  HeartbeatReply reply;
  reply.epoch = office_.epoch;
  reply.change = applied_;
  auto event = registry_.heartbeat(request.node, request.incarnation, usage_of(request), now);
  if (!event.ok()) {
    if (!means_register_again(event.error())) return std::move(event).error();
    reply.register_again = true;
    return reply;
  }
  if (event->has_value()) node_events({&**event, 1});
  const auto node = registry_.find(request.node)->index;
  const auto& corrupt = request.changes.corrupt;
  if (corrupt.size() > kBadReplicasLoggedMax) {
    log_warn("namenode", "datanode {} has lost {} replicas, among them that of block {}",
             to_string(registry_.get(node).data), corrupt.size(), to_string(corrupt.front().id));
  }
  for (const auto& bad : corrupt) {
    if (corrupt.size() > kBadReplicasLoggedMax) break;  // A whole disk is one event.
    log_warn("namenode", "datanode {} has a bad replica of block {}",
             to_string(registry_.get(node).data), to_string(bad.id));
  }
  note_disks(node, request.disks);
  note_losses(node, request.changes);
  if (!request.changes.empty()) {
    auto& news = work(node).news;
    if (news.size() >= kNewsMax) {
      return Error{Errc::kBusy, "what datanode " + to_string(registry_.get(node).data) +
                                    " told before is not entered yet"};
    }
    news.push_back({request.changes, now});
    if (news.size() == 1) merge_news(node);
  }
  for (const auto& failure : request.failed_copies) copy_failed(failure, now);
  work(node).scrub = request.scrub;
  if (work(node).scrub_wanted > request.scrub.last_requested) {
    reply.scrub_now = work(node).scrub_wanted;
  }
  if (may_remove(now)) {
    const auto orders = work(node).removes.take(
        now, [this, node](BlockId block) { return still_goes(node, block); });
    for (const auto& order : orders) {
      if (order.again) repair_work_.delete_repeated(node, order.block);
      reply.remove.push_back({order.block, order.generation});
    }
  }
  reply.copy = std::exchange(work(node).copies, {});
  auto& doubted = work(node).doubted;
  const auto first =
      doubted.end() - static_cast<std::ptrdiff_t>(std::min(doubted.size(), kDoubtedInReplyMax));
  reply.doubted.assign(first, doubted.end());
  doubted.erase(first, doubted.end());
  const auto report = order_report(node, now);
  reply.report = report.number;
  reply.from = report.from;
  return reply;
}

ScrubReply BlockManager::scrub(const ScrubRequest& request, std::int64_t unix_ms) {
  if (request.start) {
    // Numbers go on rising when this process starts again, so that the datanodes, which remember
    // the last one, do not take a new request for an old one.
    last_scrub_ = std::max(last_scrub_ + 1, static_cast<std::uint64_t>(unix_ms));
    log_info("namenode", "a check of all replicas was requested");
  }
  ScrubReply reply;
  reply.request = last_scrub_;
  for (const auto& node : registry_.nodes()) {
    auto& mine = work(node.index);
    if (request.start && node.state != metadata::NodeState::kDead) mine.scrub_wanted = last_scrub_;
    reply.nodes.push_back(
        {node.id, node.data, std::string(metadata::to_string(node.state)), mine.scrub});
  }
  return reply;
}

Status BlockManager::goodbye(const Goodbye& request, TimePoint now) {
  MDFS_TRY(const auto event, registry_.goodbye(request.node, request.incarnation, now));
  if (event.has_value()) node_events({&*event, 1});
  return {};
}

void BlockManager::tick(std::uint64_t total_blocks, TimePoint now) {
  absl::erase_if(admins_, [&](const auto& entry) {
    return entry.second.admin == metadata::AdminState::kMaintenance && entry.second.until <= now;
  });
  ask_owners_again();
  node_events(registry_.tick(now));
  if (in_office_) {
    for (const auto& ended : sessions_.expire(now)) {
      for (const auto& range : ended.ranges) dying_.add(range);
      staged_.ended(ended.session);
    }
  }
  const auto counts = map_.counts(total_blocks);
  if (safe_mode_.update(total_blocks, counts.with_live_replica)) {
    log_info("namenode", "left safe mode: {} of {} blocks have a live replica",
             counts.with_live_replica, total_blocks);
  }
  collect_orphans(now);
  if (in_office_) {
    repair(now);
  } else {
    forget_gone();
  }
}

bool BlockManager::work() {
  map_.sweep();
  return map_.is_sweeping();
}

void BlockManager::collect_orphans(TimePoint now) {
  const auto due = orphans_.due(map_, sessions_,
                                {.safe_mode = !in_office_ || safe_mode_.on() || is_behind(),
                                 .all_live_reported = registry_.all_live_reported()},
                                now);
  for (const BlockId block : due) {
    if (retiring_.contains(block) || dying_.contains(block)) continue;
    const bool impossible = block.value == 0 || block > metadata::kBlockIdMax;
    if (impossible || map_.find(block)->freed) {
      send_deletes(map_.free_block(block));  // No file can own it, or it was retired before.
    } else {
      sessions_.give_up(block);  // A writer that was silent for so long finds that it is late.
      dying_.add({block, 1});
    }
  }
}

void BlockManager::copy_failed(const CopyFailure& failure, TimePoint now) {
  for (const auto& node : registry_.nodes()) {
    if (node.data == failure.node) repair_work_.copy_failed(failure.block, node.index, now);
  }
}

void BlockManager::repair(TimePoint now) {
  repair_work_.update(map_, now);
  measure_repair(now);
  end_decommissions();
  auto options = options_.repair;
  balance_.adjust(options, registry_);
  const auto plan =
      metadata::plan_replication({map_, registry_, repair_work_, options,
                                  safe_mode_.on() || is_behind(), now, is_unsettled(now)},
                                 random_);
  repair_work_.begin(map_, plan, now);
  if (balance_.follow(plan, map_, repair_work_, registry_)) {
    log_info("namenode",
             "the balance has come to its end: the farthest datanode is {:.1f} % from the mean",
             metadata::node_balance(registry_).deviation * 100);
  }
  for (const auto& task : plan.copies) {
    CopyOrder order{task.block, {}};
    for (const auto target : task.targets) order.targets.push_back(registry_.get(target).data);
    work(task.source).copies.push_back(std::move(order));
  }
  send_deletes(plan.deletes);
}

void BlockManager::fill_status(StatusReply& reply, std::uint64_t total_blocks,
                               TimePoint now) const {
  const auto counts = map_.counts(total_blocks);
  reply.cluster = options_.cluster;
  reply.behind = is_behind();
  reply.safe_mode = safe_mode_.on() || reply.behind;
  reply.safe_mode_reason = reply.behind ? behind_text() : safe_mode_.reason();
  reply.blocks_total = total_blocks;
  reply.blocks_under_replicated = counts.under_replicated;
  reply.blocks_missing = counts.missing;
  reply.blocks_corrupt = counts.corrupt;
  reply.pending_copies = repair_work_.copies_in_flight();
  reply.repaired_blocks = repair_work_.copies_arrived();
  reply.repaired_per_second = repair_rate_.per_second;
  reply.balance_deviation = metadata::node_balance(registry_).deviation;
  for (const auto& node : registry_.nodes()) {
    if (node.forgotten) continue;
    NodeReport report;
    report.node = node.id;
    report.data = node.data;
    report.rack = node.rack;
    report.version = node.version;
    report.state = to_string(node.state);
    report.capacity_bytes = node.usage.capacity_bytes;
    report.used_bytes = node.usage.used_bytes;
    report.free_bytes = node.usage.free_bytes;
    report.blocks = map_.replica_count(node.index);
    report.last_heartbeat_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - node.last_heartbeat).count();
    report.admin = to_string(node.admin);
    if (node.admin == metadata::AdminState::kDecommissioning) {
      report.draining_left = map_.draining_blocks(node.index);
    }
    if (node.admin == metadata::AdminState::kMaintenance) {
      report.maintenance_left_ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(node.maintenance_until - now)
              .count();
    }
    if (node.index.value < work_.size()) report.bad_disks = work_[node.index.value].bad_disks;
    reply.nodes.push_back(std::move(report));
  }
  add_absent_nodes(reply, now);
}

void BlockManager::node_events(std::span<const metadata::NodeEvent> events) {
  for (const auto& event : events) {
    const auto& node = registry_.get(event.node);
    if (event.admin_from == metadata::AdminState::kMaintenance &&
        event.admin_to == metadata::AdminState::kInService) {
      admins_.erase(node.id);
    }
    if (event.from == event.to) continue;
    log_info("namenode", "datanode {} is {} (was {})", to_string(node.data), to_string(event.to),
             to_string(event.from));
    if (event.to == metadata::NodeState::kDead) {
      forget_process(event.node);
      auto& gone = work(event.node);
      gone.copies.clear();
      gone.removes = metadata::OrderWindow(options_.orders);
      gone.http.reset();
      gone.bad_disks.clear();
      gone.scrub = {};
      gone.scrub_wanted = 0;
      note_lost_node(event.node);
    }
  }
  metadata::follow_events(map_, registry_, events);
}

void BlockManager::send_deletes(std::span<const metadata::ReplicaDelete> deletes) {
  for (const auto& order : deletes) {
    work(order.node).removes.add(order.block, order.generation);
  }
}

// What was decided may be long ago, and other copies lost since: an order that waits, or is to be
// sent again, is given up when the block has come to need the replica, which then counts again.
// Those that count again so may still go, and are nothing to build on.
bool BlockManager::still_goes(NodeIndex node, BlockId block) {
  const auto view = map_.find(block);
  if (!view || !map_.is_deleting(node, block)) return false;
  if (!view->owned) return true;
  const std::uint32_t needed = map_.deletes_good(node, block) ? view->wanted : 1;
  const auto may_go = std::count_if(
      view->replicas.begin(), view->replicas.end(), [&](const metadata::Replica& other) {
        return other.state == metadata::ReplicaState::kGood &&
               map_.node_mode(other.node) == metadata::NodeMode::kCounted &&
               repair_work_.delete_sent(other.node, block);
      });
  if (map_.tally(*view).live >= needed + static_cast<std::uint32_t>(may_go)) return true;
  map_.cancel_deleting(node, block);
  return false;
}

BlockManager::NodeWork& BlockManager::work(NodeIndex node) {
  while (work_.size() <= node.value) {
    work_.emplace_back().removes = metadata::OrderWindow(options_.orders);
  }
  return work_[node.value];
}

}  // namespace minidfs::actors
