// minidfs setrep: changes the wanted copies of files.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "cli/command/paths.hpp"
#include "cli/verbs/tree_walk.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using metadata::FileStatus;

constexpr std::chrono::milliseconds kPoll{200};

constexpr std::array kFlags{
    Flag{"recursive", 'R', "", "Accepted as HDFS does; directories are always taken whole", ""},
    Flag{"wait", 'w', "", "Wait until every block has the wanted copies", ""},
};

Result<std::uint8_t> parse_copies(const std::string& text) {
  std::uint8_t copies = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, copies);
  if (parsed.ec != std::errc() || parsed.ptr != end || copies == 0) {
    return Error{Errc::kInvalidArgument, "setrep: '" + text + "' is no number from 1 to 255"};
  }
  return copies;
}

Status wait_for_copies(client::FileSystem& files, const std::string& path, std::size_t copies) {
  return client::poll_until(kPoll, [&]() -> Result<bool> {
    MDFS_TRY(const auto blocks, files.locate(path));
    return std::all_of(blocks.begin(), blocks.end(),
                       [&](const auto& block) { return block.locations.size() == copies; });
  });
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  MDFS_TRY(const auto copies, parse_copies(arguments.operands.front()));
  std::vector<std::string> paths;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    MDFS_TRY(auto path, dfs_path(arguments.operands[i]));
    paths.push_back(std::move(path));
  }
  MDFS_TRY(auto* files, invocation.file_system());
  const auto set = [&](const FileStatus&, const std::string& file) -> Status {
    MDFS_CHECK(files->set_replication(file, copies));
    return invocation.io().print("replication " + std::to_string(copies) + " set: " + file + "\n");
  };
  for (const auto& path : paths) MDFS_CHECK(for_each_file(*files, path, set));
  if (!arguments.has("wait")) return 0;
  for (const auto& path : paths) {
    MDFS_CHECK(for_each_file(*files, path, [&](const FileStatus&, const std::string& file) {
      return wait_for_copies(*files, file, copies);
    }));
  }
  return 0;
}

}  // namespace

const Command kSetrepCommand{.name = "setrep",
                             .operands = "COPIES PATH...",
                             .summary = "Change the wanted copies of files",
                             .details = "Blocks are copied or removed in the background.\n",
                             .example = "minidfs setrep -w 2 /photos",
                             .flags = kFlags,
                             .operands_min = 2,
                             .operands_max = kManyOperands,
                             .run = run};

}  // namespace minidfs::cli
