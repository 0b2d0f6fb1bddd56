// minidfs status: the state of the cluster.

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/command/command.hpp"
#include "cli/verbs/cluster_text.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

// A datanode that does not answer this machine by then is said to be out of its reach.
constexpr std::chrono::milliseconds kProbeTimeMax{2000};

constexpr std::array kFlags{Flag{"json", 0, "", "One JSON object", ""}};

Result<int> run(Invocation& invocation) {
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(auto status, files->status());
  files->probe_nodes(status, std::min(invocation.config().client.timeout, kProbeTimeMax));
  const auto& io = invocation.io();
  if (invocation.arguments().has("json")) {
    MDFS_CHECK(io.print(dump_json(to_json(status))));
    return 0;
  }
  MDFS_CHECK(io.print(status_text(printable(std::move(status), io.out_is_terminal))));
  return 0;
}

}  // namespace

const Command kStatusCommand{
    .name = "status",
    .operands = "",
    .summary = "Show nodes, space, blocks, and what is missing",
    .details =
        "It also tries to connect to the datanodes that live (64 of them,\n"
        "if there are more), and says which cannot be reached from here.\n",
    .example = "minidfs status --json",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .reads_only = true,
    .run = run};

}  // namespace minidfs::cli
