// minidfs scrub: has all datanodes check all their replicas.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"now", 0, "", "Check everything at once, at full speed (must be given)", ""},
    Flag{"no-wait", 0, "", "Do not wait for the end", ""},
    Flag{"json", 0, "", "One JSON object", ""},
};

std::string node_line(const client::NodeScrub& node, bool waited) {
  std::string line = node.name + ": ";
  if (node.state == "dead") return line + "dead\n";
  if (!waited) return line + "asked\n";
  return line + std::to_string(node.checked) + " replicas checked, " + std::to_string(node.bad) +
         " corrupt\n";
}

nlohmann::json node_json(const client::NodeScrub& node) {
  return {{"id", to_string(node.id)}, {"name", node.name},
          {"state", node.state},      {"done", node.done},
          {"checked", node.checked},  {"total", node.total},
          {"corrupt", node.bad},      {"last_end_ms", node.last_end_ms}};
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto& io = invocation.io();
  if (!arguments.has("now")) {
    return Error{Errc::kInvalidArgument,
                 "scrub: --now must be given; without it the datanodes check their blocks by "
                 "themselves, see datanode.scrub_interval"};
  }
  const bool wait = !arguments.has("no-wait");
  const auto progress = [&io](const std::vector<client::NodeScrub>& nodes) {
    if (!io.err_is_terminal) return;
    std::uint64_t checked = 0;
    std::uint64_t total = 0;
    for (const auto& node : nodes) {
      checked += node.checked;
      total += node.total;
    }
    io.err("\r" + std::to_string(checked) + " of " + std::to_string(total) + " replicas\x1b[K");
  };
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(const auto nodes, files->scrub(wait, progress));
  if (io.err_is_terminal) io.err("\r\x1b[K");
  std::string text;
  auto list = nlohmann::json::array();
  bool corrupt = false;
  for (const auto& node : nodes) {
    text += node_line(node, wait);
    list.push_back(node_json(node));
    corrupt = corrupt || (node.done && node.bad > 0);
  }
  MDFS_CHECK(io.print(arguments.has("json") ? dump_json({{"nodes", std::move(list)}}) : text));
  return corrupt ? 1 : 0;
}

}  // namespace

const Command kScrubCommand{
    .name = "scrub",
    .operands = "",
    .summary = "Check all stored blocks against their checksums",
    .details =
        "Waits until every live datanode has read all its replicas, and prints what it found.\n"
        "The exit code is 1 when a replica was corrupt, although good copies may be left, from\n"
        "which it is then replaced.\n",
    .example = "minidfs scrub --now",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .run = run};

}  // namespace minidfs::cli
