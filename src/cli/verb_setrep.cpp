// minidfs setrep: changes the wanted copies of files.

#include <algorithm>
#include <array>
#include <chrono>

#include "base/units.hpp"
#include "cli/command.hpp"
#include "cli/paths.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{200};

constexpr std::array kFlags{
    Flag{"recursive", 'R', "", "Accepted as HDFS does; directories are always taken whole", ""},
    Flag{"wait", 'w', "", "Wait until every block has the wanted copies", ""},
};

Result<std::uint8_t> parse_copies(const std::string& text) {
  std::uint64_t copies = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || copies > 255) copies = 256;
    if (copies < 256) copies = copies * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (text.empty() || copies == 0 || copies > 255) {
    return Error{Errc::kInvalidArgument, "setrep: '" + text + "' is no number from 1 to 255"};
  }
  return static_cast<std::uint8_t>(copies);
}

// Calls `take` for the file, or for every file below the directory.
Status for_each_file(client::FileSystem& files, const std::string& path,
                     const std::function<Status(const std::string&)>& take) {
  MDFS_TRY(const auto status, files.stat(path));
  if (status.kind == metadata::FileKind::kFile) return take(path);
  std::vector<std::string> directories{path};
  while (!directories.empty()) {
    const auto directory = std::move(directories.back());
    directories.pop_back();
    MDFS_TRY(const auto entries, files.list(directory));
    for (const auto& entry : entries) {
      auto child = directory == "/" ? "/" + entry.name : directory + "/" + entry.name;
      if (entry.kind == metadata::FileKind::kDirectory) {
        directories.push_back(std::move(child));
      } else {
        MDFS_CHECK(take(child));
      }
    }
  }
  return {};
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
  const auto set = [&](const std::string& file) -> Status {
    MDFS_CHECK(files->set_replication(file, copies));
    return invocation.io().print("replication " + std::to_string(copies) + " set: " + file + "\n");
  };
  for (const auto& path : paths) MDFS_CHECK(for_each_file(*files, path, set));
  if (!arguments.has("wait")) return 0;
  for (const auto& path : paths) {
    MDFS_CHECK(for_each_file(*files, path, [&](const std::string& file) {
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
