// minidfs concat: makes files the end of another one, without copying a byte.

#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

Result<int> run(Invocation& invocation) {
  MDFS_TRY(auto paths, dfs_paths(invocation.arguments().operands));
  const auto target = std::move(paths.front());
  paths.erase(paths.begin());
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_CHECK(files->concat(target, paths));
  return 0;
}

}  // namespace

const Command kConcatCommand{
    .name = "concat",
    .operands = "TARGET SOURCE...",
    .summary = "Move the content of files to the end of another one",
    .details =
        "All must be files of one directory. The SOURCEs disappear, and no byte is copied:\n"
        "all of it happens at once or nothing does.",
    .example = "minidfs concat /logs/all /logs/part-1 /logs/part-2",
    .flags = {},
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
