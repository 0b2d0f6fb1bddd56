// minidfs node: takes datanodes out of service and back.

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/node_names.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using metadata::NodeAction;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{500};
// Without a block that was copied, before it is said why that may be.
constexpr std::chrono::seconds kStuck{15};

constexpr std::array kFlags{
    Flag{"for", 0, "TIME", "How long maintenance lasts: 30m, 1h (the default), 2d", ""},
    Flag{"wait", 'w', "", "Wait until the decommission has come to its end", ""},
};

Result<NodeAction> parse_action(const std::string& action) {
  if (action == "decommission") return NodeAction::kDecommission;
  if (action == "recommission") return NodeAction::kRecommission;
  if (action == "maintenance") return NodeAction::kMaintenance;
  if (action == "forget") return NodeAction::kForget;
  return Error{Errc::kInvalidArgument,
               "node: '" + action + "' is none of decommission, recommission, maintenance, forget"};
}

// Waits for the end of a decommission: a line whenever the number of blocks left has changed, and
// one when it does not change for long.
class Wait {
 public:
  Wait(const Io& io, client::FileSystem& files, NodeId id) : io_(io), files_(files), id_(id) {}

  Status run() {
    return client::poll_until(kPoll, [this]() -> Result<bool> {
      MDFS_TRY(const auto status, files_.status());
      MDFS_TRY(const auto node, find_node(status, to_string(id_)));
      if (node.admin == "decommissioned") return true;
      if (node.admin != "decommissioning") {
        return Error{Errc::kExpired, node.name + ": is " + node.admin + " now"};
      }
      if (node.state == "dead" || node.state == "absent") {
        return Error{Errc::kNoDatanode,
                     node.name +
                         ": died before its blocks had been copied; they are repaired from "
                         "other copies"};
      }
      MDFS_CHECK(tell(status, node));
      return false;
    });
  }

 private:
  Status tell(const client::ClusterStatus& status, const client::NodeReport& node) {
    const auto now = std::chrono::steady_clock::now();
    if (node.draining_left != shown_) {
      shown_ = node.draining_left;
      changed_at_ = now;
      return io_.print(printable(node.name, io_.out_is_terminal) + ": " + std::to_string(shown_) +
                       " blocks left to copy\n");
    }
    if (now - changed_at_ > kStuck) {
      changed_at_ = now;
      io_.say("node: " + stuck_text(status, node));
    }
    return {};
  }

  static std::string stuck_text(const client::ClusterStatus& status,
                                const client::NodeReport& node) {
    std::size_t others = 0;
    std::uint64_t free_max = 0;
    for (const auto& other : status.nodes) {
      if (other.id == node.id || other.state == "dead" || other.admin != "in service") continue;
      ++others;
      free_max = std::max(free_max, other.free_bytes);
    }
    return node.name + ": none of the " + std::to_string(node.draining_left) +
           " blocks left was copied of late: each needs as many datanodes in service as it has "
           "copies, with room for it; " +
           std::to_string(others) + " others are in service, the emptiest with " +
           human_size(free_max) + " free";
  }

  const Io& io_;
  client::FileSystem& files_;
  const NodeId id_;
  std::uint64_t shown_ = ~std::uint64_t{0};
  std::chrono::steady_clock::time_point changed_at_;
};

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  MDFS_TRY(const auto action, parse_action(arguments.operands.front()));
  MDFS_TRY(const auto duration,
           parse_duration(arguments.has("for") ? arguments.value("for") : "1h"));
  if (arguments.has("for") && action != NodeAction::kMaintenance) {
    return Error{Errc::kInvalidArgument, "node: --for goes with maintenance only"};
  }
  if (arguments.has("wait") && action != NodeAction::kDecommission) {
    return Error{Errc::kInvalidArgument, "node: --wait goes with decommission only"};
  }
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(const auto status, files->status());
  Tally tally(invocation.io());
  std::vector<NodeId> decided;
  const auto meant = action == NodeAction::kForget ? Meant::kDead : Meant::kAlive;
  const auto decide = [&](const std::string& name) -> Status {
    MDFS_TRY(const auto node, find_node(status, name, meant));
    MDFS_CHECK(files->decide_node(node.id, action, duration));
    decided.push_back(node.id);
    return {};
  };
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    if (!tally.take(decide(arguments.operands[i]))) return tally.exit_code();
  }
  if (!arguments.has("wait")) return tally.exit_code();
  for (const auto id : decided) {
    if (!tally.take(Wait(invocation.io(), *files, id).run())) break;
  }
  return tally.exit_code();
}

}  // namespace

const Command kNodeCommand{
    .name = "node",
    .operands = "decommission|recommission|maintenance|forget NODE...",
    .summary = "Take datanodes out of service and back",
    .details =
        "A NODE is HOST:PORT as `minidfs status` shows it, a host, or an id. Of several that have\n"
        "had a name, the one that is not dead is meant (of forget: the one that is).\n"
        "decommission copies its blocks elsewhere and gives it no new ones; `status` shows how\n"
        "many are left. maintenance lets it be away without its blocks being copied.\n"
        "recommission takes it back into service. forget removes a dead one from `status`, and\n"
        "what was decided about it, unless it comes back. All outlive restarts.\n",
    .example = "minidfs node decommission --wait 10.0.0.5:9866",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
