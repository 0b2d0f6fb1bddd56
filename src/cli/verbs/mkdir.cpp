// minidfs mkdir: makes directories.

#include <array>

#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"parents", 'p', "", "Make missing parents too; no error if the directory exists", ""}};

Result<int> run(Invocation& invocation) {
  const bool parents = invocation.arguments().has("parents");
  return for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
    return files.make_directory(path, parents);
  });
}

}  // namespace

const Command kMkdirCommand{.name = "mkdir",
                            .operands = "PATH...",
                            .summary = "Make directories",
                            .details = "",
                            .example = "minidfs mkdir -p /data/2026/05",
                            .flags = kFlags,
                            .operands_min = 1,
                            .operands_max = kManyOperands,
                            .run = run};

}  // namespace minidfs::cli
