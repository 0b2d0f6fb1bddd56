#include "http/rest/cluster_changes.hpp"

namespace minidfs::http::rest {
namespace {

using Kind = ClusterEventKind;
using Events = std::vector<ClusterEvent>;

void compare_nodes(const ClusterView& before, const ClusterView& after, Events& events) {
  for (const auto& [address, reachable] : after.nodes) {
    const auto found = before.nodes.find(address);
    const bool was_reachable = found != before.nodes.end() && found->second;
    if (reachable && !was_reachable) events.push_back({Kind::kNodeUp, address, 0});
    if (!reachable && was_reachable) events.push_back({Kind::kNodeDown, address, 0});
  }
}

void compare_blocks(const ClusterView& before, const ClusterView& after, Events& events) {
  if (after.missing > before.missing) {
    events.push_back({Kind::kBlocksMissing, "", after.missing});
  } else if (after.missing == 0 && before.missing > 0) {
    events.push_back({Kind::kBlocksFound, "", 0});
  }
  if (after.lacking > 0 && before.lacking == 0) {
    events.push_back({Kind::kBlocksLacking, "", after.lacking});
  } else if (after.lacking == 0 && before.lacking > 0) {
    events.push_back({Kind::kBlocksRepaired, "", 0});
  }
}

}  // namespace

std::string_view name_of(ClusterEventKind kind) {
  switch (kind) {
    case Kind::kNodeUp:
      return "node up";
    case Kind::kNodeDown:
      return "node down";
    case Kind::kLeader:
      return "leader";
    case Kind::kSilent:
      return "silent";
    case Kind::kSafeModeOn:
      return "safe mode on";
    case Kind::kSafeModeOff:
      return "safe mode off";
    case Kind::kBlocksMissing:
      return "blocks missing";
    case Kind::kBlocksFound:
      return "blocks found";
    case Kind::kBlocksLacking:
      return "blocks lacking";
    case Kind::kBlocksRepaired:
      return "blocks repaired";
  }
  return "";
}

ClusterView view_of(const actors::StatusReply& status,
                    const std::optional<actors::QuorumReply>& quorum) {
  ClusterView view;
  for (const auto& node : status.nodes) {
    if (node.data.host.empty()) continue;  // Known by name only.
    view.nodes[metadata::to_string(node.data)] = node.state != "dead" && node.state != "absent";
  }
  view.safe_mode = status.safe_mode;
  view.missing = status.blocks_missing;
  view.lacking = status.blocks_under_replicated;
  if (!quorum) return view;
  for (const auto& member : quorum->members) {
    if (member.id == quorum->leader) view.leader = member.address;
  }
  return view;
}

std::vector<ClusterEvent> events_between(const std::optional<ClusterView>& before,
                                         const ClusterView& after) {
  Events events;
  if (!before) return events;
  compare_nodes(*before, after, events);
  if (!after.leader.empty() && after.leader != before->leader) {
    events.push_back({Kind::kLeader, after.leader, 0});
  }
  if (after.silent && !before->silent) events.push_back({Kind::kSilent, "", 0});
  if (after.safe_mode != before->safe_mode) {
    events.push_back({after.safe_mode ? Kind::kSafeModeOn : Kind::kSafeModeOff, "", 0});
  }
  compare_blocks(*before, after, events);
  return events;
}

}  // namespace minidfs::http::rest
