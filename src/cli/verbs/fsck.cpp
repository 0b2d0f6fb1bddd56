// minidfs fsck: what is missing, corrupt or short of copies, and whose it is.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "cli/command/paths.hpp"
#include "cli/verbs/listing.hpp"
#include "cli/verbs/tree_walk.hpp"

namespace minidfs::cli {
namespace {

using client::BlockProblem;
using metadata::FileStatus;

constexpr std::array kFlags{
    Flag{"files", 0, "", "List every file", ""},
    Flag{"blocks", 0, "", "With every block of it", ""},
    Flag{"locations", 0, "", "With the datanodes of every block", ""},
    Flag{"json", 0, "", "One JSON object", ""},
};

struct Totals {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t blocks = 0;
  std::uint64_t under_replicated = 0;
  std::uint64_t missing = 0;
  std::uint64_t corrupt = 0;

  std::string behind;       // Why the namespace is not the newest; empty when it is.
  std::string outstanding;  // What datanodes have not told the namenode yet; empty: nothing.

  bool healthy() const { return missing == 0 && corrupt == 0 && behind.empty(); }
  std::string verdict() const {
    const std::string verdict = healthy() ? "healthy" : behind.empty() ? "DAMAGED" : "BEHIND";
    return outstanding.empty() ? verdict : verdict + " as far as is known yet";
  }
};

bool is_below(const std::string& path, const std::string& root) {
  return root == "/" || path == root ||
         (path.size() > root.size() && path.compare(0, root.size(), root) == 0 &&
          path[root.size()] == '/');
}

std::string problem_line(const BlockProblem& problem, bool is_terminal) {
  std::string what;
  const auto add = [&](const std::string& text) { what += (what.empty() ? "" : ", ") + text; };
  if (problem.missing()) add("MISSING, no replica can be read");
  if (problem.under_replicated()) {
    add("under-replicated, " + std::to_string(problem.live) + " of " +
        std::to_string(problem.wanted) + " copies");
  }
  if (problem.corrupt > 0) add("CORRUPT, " + std::to_string(problem.corrupt) + " bad replicas");
  return printable(problem.path, is_terminal) + ": block " + to_string(problem.block) + " (" +
         std::to_string(problem.length) + " bytes): " + what + "\n";
}

nlohmann::json to_json(const BlockProblem& problem) {
  nlohmann::json object{
      {"block", to_string(problem.block)}, {"length", problem.length},
      {"wanted", problem.wanted},          {"live", problem.live},
      {"readable", problem.readable},      {"corrupt", problem.corrupt},
      {"missing", problem.missing()},      {"under_replicated", problem.under_replicated()}};
  put_bytes(object, "path", problem.path);
  return object;
}

// One run: gathers, prints as it goes, or collects for JSON.
class Check {
 public:
  Check(Invocation& invocation, client::FileSystem& files, std::string root)
      : invocation_(invocation),
        files_(files),
        root_(std::move(root)),
        json_(invocation.arguments().has("json")),
        list_locations_(invocation.arguments().has("locations")),
        list_blocks_(invocation.arguments().has("blocks") || list_locations_),
        list_files_(invocation.arguments().has("files") || list_blocks_) {}

  Result<int> run() {
    MDFS_TRY(const auto root, files_.stat(root_));
    MDFS_CHECK(count(root));
    MDFS_TRY(const auto mode, files_.safe_mode(client::FileSystem::SafeModeAction::kStatus));
    if (mode.behind) totals_.behind = mode.reason;
    Status printed;
    MDFS_TRY(totals_.outstanding, files_.check_blocks([&](const BlockProblem& problem) {
      if (printed.ok() && is_below(problem.path, root_)) printed = take(problem);
    }));
    MDFS_CHECK(printed);
    MDFS_CHECK(invocation_.io().print(json_ ? json_text() : summary()));
    return totals_.healthy() ? 0 : 1;
  }

 private:
  // The whole namespace is counted already; a part of it is walked through.
  Status count(const FileStatus& root) {
    if (root_ == "/" && !list_files_) {
      MDFS_TRY(const auto status, files_.status());
      totals_.files = status.files;
      totals_.directories = status.directories;
      totals_.blocks = status.blocks.total;
      return {};
    }
    return walk_tree(files_, root, root_, [&](const FileStatus& entry, const std::string& path) {
      if (entry.kind == metadata::FileKind::kFile) return take_file(entry, path);
      ++totals_.directories;
      return Status();
    });
  }

  Status take_file(const FileStatus& file, const std::string& path) {
    std::vector<metadata::LocatedBlock> located;
    std::uint64_t blocks = 0;
    if (list_blocks_) {
      auto found = files_.locate(path);
      // Removed since it was listed, which is no damage.
      if (!found.ok() && found.error().code == Errc::kNotFound) return {};
      MDFS_TRY(located, std::move(found));
      blocks = located.size();
    } else if (file.length > 0) {
      // Blocks need not be full, so the length alone does not say it.
      const auto copies = files_.file_copies(path);
      if (!copies.ok() && copies.error().code == Errc::kNotFound) return {};
      if (!copies.ok()) return copies.error();
      blocks = copies->blocks;
    }
    ++totals_.files;
    totals_.blocks += blocks;
    if (!list_files_) return {};
    if (json_) {
      auto entry = nlohmann::json{{"length", file.length}, {"blocks", blocks}};
      put_bytes(entry, "path", path);
      if (list_blocks_) {
        entry["block_list"] = nlohmann::json::array();
        for (const auto& block : located) entry["block_list"].push_back(cli::to_json(block));
      }
      entries_.push_back(std::move(entry));
      return {};
    }
    std::string text = printable(path, invocation_.io().out_is_terminal) + " " +
                       std::to_string(file.length) + " bytes, " + std::to_string(blocks) +
                       " blocks, replication " + std::to_string(file.replication) + "\n";
    for (const auto& block : located) text += block_line(block);
    return invocation_.io().print(text);
  }

  std::string block_line(const metadata::LocatedBlock& block) const {
    std::string line = "  " + to_string(block.block.id) + " " + std::to_string(block.block.length) +
                       " bytes, " + std::to_string(block.locations.size()) + " live";
    if (list_locations_) {
      for (const auto& place : block.locations) line += " " + metadata::to_string(place.data);
    }
    return line + "\n";
  }

  Status take(const BlockProblem& problem) {
    totals_.missing += problem.missing() ? 1 : 0;
    totals_.under_replicated += problem.under_replicated() ? 1 : 0;
    totals_.corrupt += problem.corrupt > 0 ? 1 : 0;
    const bool counts = problem.missing() || problem.under_replicated() || problem.corrupt > 0;
    if (!counts) return {};
    if (json_) {
      problems_.push_back(to_json(problem));
      return {};
    }
    return invocation_.io().print(problem_line(problem, invocation_.io().out_is_terminal));
  }

  std::string json_text() const {
    nlohmann::json object{{"healthy", totals_.healthy()},
                          {"behind", !totals_.behind.empty()},
                          {"reports_outstanding", !totals_.outstanding.empty()},
                          {"files", totals_.files},
                          {"directories", totals_.directories},
                          {"blocks", totals_.blocks},
                          {"under_replicated", totals_.under_replicated},
                          {"missing", totals_.missing},
                          {"corrupt", totals_.corrupt},
                          {"problems", problems_}};
    put_bytes(object, "path", root_);
    if (list_files_) object["entries"] = entries_;
    return dump_json(object);
  }

  std::string summary() const {
    std::string text = "files:            " + std::to_string(totals_.files) + " in " +
                       std::to_string(totals_.directories) + " directories\n";
    text += "blocks:           " + std::to_string(totals_.blocks) + "\n";
    text += "under-replicated: " + std::to_string(totals_.under_replicated) + "\n";
    text += "missing:          " + std::to_string(totals_.missing) + "\n";
    text += "corrupt:          " + std::to_string(totals_.corrupt) + "\n";
    if (!totals_.behind.empty()) {
      text +=
          "BEHIND:           " + printable(totals_.behind, invocation_.io().out_is_terminal) + "\n";
    }
    if (!totals_.outstanding.empty()) {
      text +=
          "OUTSTANDING:      " + printable(totals_.outstanding, invocation_.io().out_is_terminal) +
          "\n";
    }
    return text + printable(root_, invocation_.io().out_is_terminal) + " is " + totals_.verdict() +
           "\n";
  }

  Invocation& invocation_;
  client::FileSystem& files_;
  const std::string root_;
  const bool json_;
  const bool list_locations_;
  const bool list_blocks_;
  const bool list_files_;
  Totals totals_;
  nlohmann::json problems_ = nlohmann::json::array();
  nlohmann::json entries_ = nlohmann::json::array();
};

Result<int> run(Invocation& invocation) {
  MDFS_TRY(auto path, dfs_path(invocation.arguments().operands.front()));
  MDFS_TRY(auto* files, invocation.file_system());
  return Check(invocation, *files, std::move(path)).run();
}

}  // namespace

const Command kFsckCommand{
    .name = "fsck",
    .operands = "[PATH]",
    .summary = "Show what is missing, corrupt or short of copies",
    .details =
        "The exit code is 1 when a block below PATH is missing or has a corrupt replica, or the\n"
        "datanodes know a later state of the cluster than the namenode.\n"
        "Blocks that are only short of copies are shown too; they are being repaired.\n"
        "After another namenode has begun to lead it waits, up to --timeout, until the datanodes\n"
        "have told that one what they hold, and says so if some have not.\n",
    .example = "minidfs fsck /photos --files --blocks --locations",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 1,
    .operand_default = "/",
    .run = run};

}  // namespace minidfs::cli
