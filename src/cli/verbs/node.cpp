// minidfs node: takes datanodes out of service and back.

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "base/units.hpp"
#include "base/wall_clock.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/node_names.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using metadata::AdminState;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{500};
// Without a block that was copied, before it is said why that may be.
constexpr std::chrono::seconds kStuck{15};

constexpr std::array kFlags{
    Flag{"for", 0, "TIME", "How long maintenance lasts: 30m, 1h (the default), 2d", ""},
    Flag{"wait", 'w', "", "Wait until the decommission has come to its end", ""},
};

Result<AdminState> parse_action(const std::string& action) {
  if (action == "decommission") return AdminState::kDecommissioning;
  if (action == "recommission") return AdminState::kInService;
  if (action == "maintenance") return AdminState::kMaintenance;
  return Error{Errc::kInvalidArgument,
               "node: '" + action + "' is none of decommission, recommission, maintenance"};
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
      if (node.state == "dead") {
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
  MDFS_TRY(const auto admin, parse_action(arguments.operands.front()));
  MDFS_TRY(const auto duration,
           parse_duration(arguments.has("for") ? arguments.value("for") : "1h"));
  if (arguments.has("for") && admin != AdminState::kMaintenance) {
    return Error{Errc::kInvalidArgument, "node: --for goes with maintenance only"};
  }
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(const auto status, files->status());
  Tally tally(invocation.io());
  std::vector<NodeId> decided;
  const auto decide = [&](const std::string& name) -> Status {
    MDFS_TRY(const auto node, find_node(status, name));
    metadata::NodeAdmin decision{node.id, admin, 0};
    if (admin == AdminState::kMaintenance) decision.until_ms = wall_clock_ms() + duration.count();
    MDFS_CHECK(files->set_node_admin(decision));
    decided.push_back(node.id);
    return {};
  };
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    if (!tally.take(decide(arguments.operands[i]))) return tally.exit_code();
  }
  if (!arguments.has("wait") || admin != AdminState::kDecommissioning) return tally.exit_code();
  for (const auto id : decided) {
    if (!tally.take(Wait(invocation.io(), *files, id).run())) break;
  }
  return tally.exit_code();
}

}  // namespace

const Command kNodeCommand{
    .name = "node",
    .operands = "decommission|recommission|maintenance NODE...",
    .summary = "Take datanodes out of service and back",
    .details =
        "A NODE is HOST:PORT as `minidfs status` shows it, a host, or an id. Of several that have "
        "had\n"
        "a name, the one that is not dead is meant.\n"
        "decommission copies its blocks elsewhere and gives it no new ones; `status` shows how\n"
        "many are left. maintenance lets it be away without its blocks being copied.\n"
        "recommission takes it back into service. All outlive restarts.\n",
    .example = "minidfs node decommission --wait 10.0.0.5:9866",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
