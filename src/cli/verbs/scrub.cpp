// minidfs scrub: has all datanodes check all their replicas.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"now", 0, "", "Have everything checked at once, at full speed", ""},
    Flag{"wait", 'w', "", "With --now: wait until every live datanode is through", ""},
    Flag{"json", 0, "", "One JSON object", ""},
};

enum class Asked { kState, kBegin, kWait };

std::string node_line(const client::NodeScrub& node, Asked asked) {
  std::string line = node.name + ": ";
  if (node.state == "dead") return line + "dead\n";
  if (asked == Asked::kBegin) return line + "asked\n";
  line += asked == Asked::kWait
              ? std::to_string(node.checked)
              : std::to_string(node.checked) + " of " + std::to_string(node.total);
  line += " replicas checked, " + std::to_string(node.bad) + " corrupt";
  if (asked == Asked::kWait) return line + "\n";
  return line + (node.last_end_ms == 0
                     ? ", no round has ended yet\n"
                     : ", last round ended " + time_text(node.last_end_ms) + " UTC\n");
}

nlohmann::json node_json(const client::NodeScrub& node) {
  nlohmann::json object{
      {"id", to_string(node.id)},       {"state", node.state}, {"done", node.done},
      {"checked", node.checked},        {"total", node.total}, {"corrupt", node.bad},
      {"last_end_ms", node.last_end_ms}};
  put_bytes(object, "name", node.name);
  return object;
}

Result<std::vector<client::NodeScrub>> ask(const Io& io, client::FileSystem& files, Asked asked) {
  if (asked == Asked::kState) return files.scrub_state();
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
  auto nodes = files.scrub(asked == Asked::kWait, progress);
  if (io.err_is_terminal) io.err("\r\x1b[K");
  return nodes;
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto& io = invocation.io();
  if (arguments.has("wait") && !arguments.has("now")) {
    return Error{Errc::kInvalidArgument, "scrub: --wait goes with --now only"};
  }
  const auto asked = !arguments.has("now")   ? Asked::kState
                     : arguments.has("wait") ? Asked::kWait
                                             : Asked::kBegin;
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(auto nodes, ask(io, *files, asked));
  std::string text;
  auto list = nlohmann::json::array();
  bool corrupt = false;
  for (auto& node : nodes) {
    list.push_back(node_json(node));
    corrupt = corrupt || (asked == Asked::kWait && node.done && node.bad > 0);
    node.name = printable(node.name, io.out_is_terminal);
    text += node_line(node, asked);
  }
  MDFS_CHECK(io.print(arguments.has("json") ? dump_json({{"nodes", std::move(list)}}) : text));
  return corrupt ? kExitFailure : 0;
}

}  // namespace

const Command kScrubCommand{
    .name = "scrub",
    .operands = "",
    .summary = "Show or begin the check of all stored blocks against their checksums",
    .details =
        "The datanodes do this by themselves all the time; without a flag it is shown how far\n"
        "they are. --now has everything checked at once. With --wait the exit code is 1 when a\n"
        "replica was corrupt, although good copies may be left, from which it is then replaced.\n",
    .example = "minidfs scrub --now --wait",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .run = run};

}  // namespace minidfs::cli
