// minidfs node: takes datanodes out of service and back.

#include <array>
#include <chrono>

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

// One line whenever the number of blocks left has changed.
Status wait_for_end(Invocation& invocation, client::FileSystem& files, const std::string& name) {
  std::uint64_t shown = ~std::uint64_t{0};
  return client::poll_until(kPoll, [&]() -> Result<bool> {
    MDFS_TRY(const auto status, files.status());
    MDFS_TRY(const auto node, find_node(status, name));
    if (node.admin == "decommissioned") return true;
    if (node.admin != "decommissioning") {
      return Error{Errc::kCancelled, node.name + ": is " + node.admin + " now"};
    }
    if (node.state == "dead") {
      return Error{Errc::kUnavailable,
                   node.name +
                       ": died before its blocks had been copied; they are repaired from "
                       "other copies"};
    }
    if (node.draining_left != shown) {
      shown = node.draining_left;
      MDFS_CHECK(invocation.io().print(node.name + ": " + std::to_string(shown) +
                                       " blocks left to copy\n"));
    }
    return false;
  });
}

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
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    MDFS_TRY(const auto node, find_node(status, arguments.operands[i]));
    metadata::NodeAdmin decision{node.id, admin, 0};
    if (admin == AdminState::kMaintenance) decision.until_ms = wall_clock_ms() + duration.count();
    MDFS_CHECK(files->set_node_admin(decision));
  }
  if (!arguments.has("wait") || admin != AdminState::kDecommissioning) return 0;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    MDFS_CHECK(wait_for_end(invocation, *files, arguments.operands[i]));
  }
  return 0;
}

}  // namespace

const Command kNodeCommand{
    .name = "node",
    .operands = "decommission|recommission|maintenance NODE...",
    .summary = "Take datanodes out of service and back",
    .details =
        "A NODE is HOST:PORT as `minidfs status` shows it, a host, or an id.\n"
        "decommission copies its blocks elsewhere and gives it no new ones; `status` shows how\n"
        "many are left. maintenance lets it be away without its blocks being copied.\n"
        "recommission takes it back into service. All outlive restarts.\n",
    .example = "minidfs node decommission --wait 10.0.0.5:9866",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
