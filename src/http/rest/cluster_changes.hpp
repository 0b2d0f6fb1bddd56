// What has happened in a cluster between two looks at it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/admin_messages.hpp"
#include "actors/member_messages.hpp"

namespace minidfs::http::rest {

enum class ClusterEventKind : std::uint8_t {
  kNodeUp,      // A datanode lives (again).
  kNodeDown,    // It is taken for dead.
  kLeader,      // Another namenode leads.
  kSilent,      // No namenode has answered.
  kSafeModeOn,  // Nothing may be changed.
  kSafeModeOff,
  kBlocksMissing,   // More blocks than before are without a live replica: so many.
  kBlocksFound,     // None is any more.
  kBlocksLacking,   // Blocks have too few copies, where none had: so many.
  kBlocksRepaired,  // All have their copies again.
};

// As the JSON has it: "node up".
std::string_view name_of(ClusterEventKind kind);

struct ClusterEvent {
  ClusterEventKind kind{};
  std::string who;          // The address of a node, if it is about one.
  std::uint64_t count = 0;  // Of blocks.

  friend bool operator==(const ClusterEvent&, const ClusterEvent&) = default;
};

// What of a cluster events are about.
struct ClusterView {
  std::map<std::string, bool> nodes;  // Datanodes by address, and whether they may be reached.
  std::string leader;                 // Its address; empty when it is not known.
  bool silent = false;
  bool safe_mode = false;
  std::uint64_t missing = 0;
  std::uint64_t lacking = 0;
};

// Of what the namenode that leads says; nothing of who leads without the second. Of an answer that
// did not come the view before stays, but for its silence.
ClusterView view_of(const actors::StatusReply& status,
                    const std::optional<actors::QuorumReply>& quorum);

// In the order of the kinds; nothing when there was no view before.
std::vector<ClusterEvent> events_between(const std::optional<ClusterView>& before,
                                         const ClusterView& after);

}  // namespace minidfs::http::rest
