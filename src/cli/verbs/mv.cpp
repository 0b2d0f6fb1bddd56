// minidfs mv: renames, or moves into a directory.

#include "cli/command/command.hpp"
#include "cli/verbs/targets.hpp"

namespace minidfs::cli {
namespace {

Result<int> run(Invocation& invocation) {
  auto sources = invocation.arguments().operands;
  const std::string target_operand = sources.back();
  sources.pop_back();
  for (auto& source : sources) {
    MDFS_TRY(source, dfs_path(source));
  }
  MDFS_TRY(auto target, parse_target(target_operand, sources.size()));
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_CHECK(look_up_target(*files, target));
  int exit_code = 0;
  for (const auto& source : sources) {
    const auto moved = [&]() -> Status {
      // What the source is does not matter here: the namenode refuses what cannot be.
      MDFS_TRY(const auto path,
               resolve_target(target, {.name = base_name(source), .is_directory = !target.into}));
      return files->rename(source, path);
    }();
    if (!moved.ok()) exit_code = report(invocation.io(), moved.error());
  }
  return exit_code;
}

}  // namespace

const Command kMvCommand{
    .name = "mv",
    .operands = "SOURCE... TARGET",
    .summary = "Rename, or move into a directory",
    .details = "Several sources need a directory as the target. Nothing is ever replaced.",
    .example = "minidfs mv /big.iso /images/",
    .flags = {},
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
