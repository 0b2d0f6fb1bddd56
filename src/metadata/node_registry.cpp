#include "metadata/node_registry.hpp"

#include <algorithm>

#include "absl/container/btree_set.h"

namespace minidfs::metadata {
namespace {

constexpr std::size_t kNodesMax = 0xFFFF;

NodeEvent change_state(Node& node, NodeState to) {
  const NodeEvent event{node.index, node.state, to, node.admin, node.admin};
  if (to == NodeState::kDead) {
    ++node.deaths;
    node.report_complete = false;
  }
  node.state = to;
  return event;
}

}  // namespace

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::kLive:
      return "live";
    case NodeState::kStale:
      return "stale";
    case NodeState::kDead:
      return "dead";
  }
  return "unknown";
}

std::string_view to_string(AdminState state) {
  switch (state) {
    case AdminState::kInService:
      return "in service";
    case AdminState::kDecommissioning:
      return "decommissioning";
    case AdminState::kDecommissioned:
      return "decommissioned";
    case AdminState::kMaintenance:
      return "maintenance";
  }
  return "unknown";
}

Status NodeRegistry::check_identity(const NodeRegistration& registration) const {
  if (registration.id.is_none() || registration.data.host.empty() || registration.data.port == 0) {
    return Error{Errc::kInvalidArgument, "datanode " + to_string(registration.id) + " at " +
                                             to_string(registration.data) +
                                             ": registration without id, host or port"};
  }
  const Node* known = find(registration.id);
  if (known == nullptr) {
    if (nodes_.size() >= kNodesMax) {
      return Error{Errc::kTooLarge, "datanode " + to_string(registration.id) + ": already " +
                                        std::to_string(nodes_.size()) + " datanodes known"};
    }
    return {};
  }
  const bool elsewhere = known->data != registration.data;
  if (known->state == NodeState::kLive && elsewhere &&
      known->incarnation != registration.incarnation) {
    return Error{Errc::kInUse, "datanode " + to_string(registration.id) + " at " +
                                   to_string(registration.data) +
                                   ": a datanode with this id is "
                                   "live at " +
                                   to_string(known->data) + " (is the data directory a copy?)"};
  }
  return {};
}

Result<NodeRegistry::Registered> NodeRegistry::register_node(const NodeRegistration& registration,
                                                             TimePoint now) {
  MDFS_CHECK(check_identity(registration));
  Registered result;
  retire_others_at(registration, result.events);
  auto [at, created] = by_id_.try_emplace(registration.id);
  if (created) {
    at->second = NodeIndex{static_cast<std::uint16_t>(nodes_.size())};
    nodes_.emplace_back().index = at->second;
  }
  Node& node = nodes_[at->second.value];
  result.known =
      !created && node.incarnation == registration.incarnation && node.state != NodeState::kDead;
  node.id = registration.id;
  node.incarnation = registration.incarnation;
  node.host = registration.host.empty() ? registration.data.host : registration.host;
  node.data = registration.data;
  node.rack = registration.rack;
  node.rack_index = rack_index(registration.rack);
  node.usage = registration.usage;
  node.version = registration.version;
  node.placed_blocks = 0;
  node.placed_bytes = 0;
  node.registered_at = now;
  node.last_heartbeat = now;
  if (!result.known) node.report_complete = false;
  node.departed = false;
  node.forgotten = false;
  ++node.registrations;
  if (node.state != NodeState::kLive) result.events.push_back(change_state(node, NodeState::kLive));
  result.node = node.index;
  return result;
}

// A process that listens at an address proves that no other one does any more.
void NodeRegistry::retire_others_at(const NodeRegistration& registration,
                                    std::vector<NodeEvent>& events) {
  for (Node& other : nodes_) {
    if (other.id == registration.id || other.state == NodeState::kDead) continue;
    if (other.data == registration.data) events.push_back(change_state(other, NodeState::kDead));
  }
}

RackIndex NodeRegistry::rack_index(const std::string& rack) {
  const auto at = std::find(racks_.begin(), racks_.end(), rack);
  const auto index = static_cast<std::uint16_t>(at - racks_.begin());
  if (at == racks_.end()) racks_.push_back(rack);
  return RackIndex{index};
}

Result<Node*> NodeRegistry::session(NodeId id, std::uint64_t incarnation) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) {
    return Error{Errc::kNotFound, "datanode " + to_string(id) + ": not registered"};
  }
  Node& node = nodes_[at->second.value];
  if (node.incarnation != incarnation) {
    return Error{Errc::kStale, "datanode " + to_string(id) + ": incarnation " +
                                   std::to_string(incarnation) + " was replaced by " +
                                   std::to_string(node.incarnation) + " at " +
                                   to_string(node.data)};
  }
  if (node.state == NodeState::kDead) {
    return Error{Errc::kExpired,
                 "datanode " + to_string(id) + " at " + to_string(node.data) + ": declared dead"};
  }
  return &node;
}

Result<std::optional<NodeEvent>> NodeRegistry::heartbeat(NodeId id, std::uint64_t incarnation,
                                                         const NodeUsage& usage, TimePoint now) {
  MDFS_TRY(Node * node, session(id, incarnation));
  node->usage = usage;
  node->placed_blocks = 0;
  node->placed_bytes = 0;
  node->last_heartbeat = now;
  ++node->heartbeats;
  std::optional<NodeEvent> event;
  if (node->state == NodeState::kStale) event = change_state(*node, NodeState::kLive);
  return event;
}

Result<std::optional<NodeEvent>> NodeRegistry::goodbye(NodeId id, std::uint64_t incarnation,
                                                       TimePoint now) {
  MDFS_TRY(Node * node, session(id, incarnation));
  node->last_heartbeat = now;
  node->departed = true;
  return std::optional<NodeEvent>(change_state(*node, NodeState::kDead));
}

std::vector<NodeEvent> NodeRegistry::tick(TimePoint now) {
  std::vector<NodeEvent> events;
  for (Node& node : nodes_) {
    if (node.state != NodeState::kDead) {
      const auto silent = now - node.last_heartbeat;
      const NodeState state = silent >= options_.dead_after    ? NodeState::kDead
                              : silent >= options_.stale_after ? NodeState::kStale
                                                               : NodeState::kLive;
      if (state != node.state) events.push_back(change_state(node, state));
    }
    if (node.departed && now - node.last_heartbeat >= options_.dead_after) {
      node.departed = false;  // Gone for good, as far as its copies are concerned.
      events.push_back({node.index, node.state, node.state, node.admin, node.admin});
    }
    if (node.admin == AdminState::kMaintenance && now >= node.maintenance_until) {
      if (auto event = set_admin(node.index, AdminState::kInService)) events.push_back(*event);
    }
  }
  return events;
}

std::optional<NodeEvent> NodeRegistry::set_admin(NodeIndex index, AdminState admin,
                                                 TimePoint until) {
  MDFS_ASSERT(index.value < nodes_.size());
  Node& node = nodes_[index.value];
  node.maintenance_until = until;
  if (node.admin == admin) return std::nullopt;
  const NodeEvent event{index, node.state, node.state, node.admin, admin};
  node.admin = admin;
  return event;
}

NodeEvent NodeRegistry::forget(NodeIndex index) {
  MDFS_ASSERT(index.value < nodes_.size());
  Node& node = nodes_[index.value];
  MDFS_ASSERT(node.state == NodeState::kDead);
  const NodeEvent event{index, node.state, node.state, node.admin, AdminState::kInService};
  node.admin = AdminState::kInService;
  node.departed = false;
  node.forgotten = true;
  return event;
}

void NodeRegistry::report_completed(NodeIndex index) {
  MDFS_ASSERT(index.value < nodes_.size());
  Node& node = nodes_[index.value];
  node.report_complete = node.state != NodeState::kDead;
}

void NodeRegistry::report_due(NodeIndex index) {
  MDFS_ASSERT(index.value < nodes_.size());
  nodes_[index.value].report_complete = false;
}

void NodeRegistry::placed(NodeIndex index, std::uint64_t bytes) {
  MDFS_ASSERT(index.value < nodes_.size());
  ++nodes_[index.value].placed_blocks;
  nodes_[index.value].placed_bytes += bytes;
}

const Node& NodeRegistry::get(NodeIndex index) const {
  MDFS_ASSERT(index.value < nodes_.size());
  return nodes_[index.value];
}

const Node* NodeRegistry::find(NodeId id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &nodes_[at->second.value];
}

bool NodeRegistry::all_live_reported() const {
  bool any = false;
  for (const Node& node : nodes_) {
    if (node.state == NodeState::kDead) continue;
    if (!node.report_complete) return false;
    any = true;
  }
  return any;
}

NodeStateCounts NodeRegistry::counts() const {
  NodeStateCounts counts;
  for (const Node& node : nodes_) {
    if (node.forgotten) continue;
    switch (node.state) {
      case NodeState::kLive:
        ++counts.live;
        break;
      case NodeState::kStale:
        ++counts.stale;
        break;
      case NodeState::kDead:
        ++counts.dead;
        break;
    }
  }
  return counts;
}

std::uint32_t NodeRegistry::rack_count() const {
  absl::btree_set<RackIndex> racks;
  for (const Node& node : nodes_) {
    if (node.takes_blocks()) racks.insert(node.rack_index);
  }
  return static_cast<std::uint32_t>(racks.size());
}

}  // namespace minidfs::metadata
