// The datanodes a namenode knows: who they are, whether they live, what they hold and do. Identity
// is the id in the datanode's directory, not its address. Pure: time comes as an argument and
// changes come back as events. Owned by the namenode's block actor.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "metadata/block_types.hpp"
#include "metadata/types.hpp"

namespace minidfs::metadata {

// Judged by the time since the last heartbeat. Shown to users by name.
enum class NodeState : std::uint8_t { kLive, kStale, kDead };

std::string_view to_string(NodeState state);
std::string_view to_string(AdminState state);

struct NodeRegistryOptions {
  std::chrono::milliseconds stale_after{3000};
  std::chrono::milliseconds dead_after{10000};
};

// What a heartbeat says of space and work.
struct NodeUsage {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t replica_count = 0;
  std::uint32_t active_writes = 0;
  std::uint32_t active_reads = 0;
};

struct NodeRegistration {
  NodeId id;
  std::uint64_t incarnation = 0;  // Random, chosen at each start of the datanode's process.
  std::string host;               // The machine, to recognise writers and readers on it.
  Endpoint data;
  std::string rack;
  NodeUsage usage;
  InterfaceVersion version = 0;  // Of the interface, the newest that it speaks.
};

struct Node {
  NodeIndex index;
  NodeId id;
  std::uint64_t incarnation = 0;
  std::string host;
  Endpoint data;
  std::string rack;
  RackIndex rack_index;
  NodeState state = NodeState::kDead;
  AdminState admin = AdminState::kInService;
  TimePoint maintenance_until{};
  TimePoint registered_at{};
  TimePoint last_heartbeat{};
  NodeUsage usage;
  InterfaceVersion version = 0;
  // Placements since the last heartbeat, which the usage does not show yet.
  std::uint32_t placed_blocks = 0;
  std::uint64_t placed_bytes = 0;
  // Dead because it said goodbye: until it has been silent for dead_after its copies are not
  // replaced, as those of a node that fell silent are not.
  bool departed = false;
  bool forgotten = false;        // Dead, and not to be shown to anybody unless it registers again.
  bool report_complete = false;  // The full block report of this registration has been merged.
  std::uint64_t registrations = 0;
  std::uint64_t heartbeats = 0;
  std::uint64_t deaths = 0;

  // May get new blocks as far as its state is concerned.
  bool takes_blocks() const { return state != NodeState::kDead && admin == AdminState::kInService; }
};

// A change of one node; from == to when only the admin state changed.
struct NodeEvent {
  NodeIndex node;
  NodeState from = NodeState::kDead;
  NodeState to = NodeState::kDead;
  AdminState admin_from = AdminState::kInService;
  AdminState admin_to = AdminState::kInService;

  friend bool operator==(const NodeEvent&, const NodeEvent&) = default;
};

struct NodeStateCounts {
  std::uint32_t live = 0;
  std::uint32_t stale = 0;
  std::uint32_t dead = 0;
};

class NodeRegistry {
 public:
  explicit NodeRegistry(NodeRegistryOptions options = {}) : options_(options) {}

  struct Registered {
    NodeIndex node;
    std::vector<NodeEvent> events;  // Of this node, and of an older one that lost its address.
    bool known = false;             // The same process of it, which was not declared dead since.
  };
  // A new or returning node becomes live. It owes a full report unless it is the process that has
  // sent one (`known` and Node::report_complete).
  // Errors: kInUse while another process with this id is live at another address (a copied data
  // directory), kTooLarge beyond 65,535 nodes, kInvalidArgument for a missing id, host or port.
  Result<Registered> register_node(const NodeRegistration& registration, TimePoint now);

  // Errors, each meaning "register (again)": kNotFound for an unknown id, kStale for another
  // incarnation, kExpired for a node that was declared dead.
  Result<std::optional<NodeEvent>> heartbeat(NodeId id, std::uint64_t incarnation,
                                             const NodeUsage& usage, TimePoint now);

  // The node stops on purpose: dead at once. Errors as heartbeat().
  Result<std::optional<NodeEvent>> goodbye(NodeId id, std::uint64_t incarnation, TimePoint now);

  // Judges every node; events in order of index. All times are to be of one OwnTime.
  std::vector<NodeEvent> tick(TimePoint now);

  // `until` matters for maintenance only; tick() ends it.
  std::optional<NodeEvent> set_admin(NodeIndex node, AdminState admin, TimePoint until = {});

  // A dead node is not listed any more, nor is anything that was decided about it kept.
  // REQUIRES: the node is dead.
  NodeEvent forget(NodeIndex node);

  void report_completed(NodeIndex node);
  // It owes a full report, although its process may have sent one.
  void report_due(NodeIndex node);
  // Counts a block that a writer was told to put on the node.
  void placed(NodeIndex node, std::uint64_t bytes);

  // By index, forgotten ones among them. References are invalidated by register_node().
  std::span<const Node> nodes() const { return nodes_; }
  // REQUIRES: an index handed out by this registry.
  const Node& get(NodeIndex node) const;
  const Node* find(NodeId id) const;

  // Every node that is not dead has completed its report. False without any such node.
  bool all_live_reported() const;
  NodeStateCounts counts() const;
  // Racks with at least one node that takes blocks.
  std::uint32_t rack_count() const;
  const NodeRegistryOptions& options() const { return options_; }

 private:
  Status check_identity(const NodeRegistration& registration) const;
  Result<Node*> session(NodeId id, std::uint64_t incarnation);
  void retire_others_at(const NodeRegistration& registration, std::vector<NodeEvent>& events);
  RackIndex rack_index(const std::string& rack);

  NodeRegistryOptions options_;
  std::vector<Node> nodes_;
  absl::flat_hash_map<NodeId, NodeIndex> by_id_;  // Looked up only, never iterated.
  std::vector<std::string> racks_;
};

}  // namespace minidfs::metadata
