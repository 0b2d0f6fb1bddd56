// minidfs mv: renames, or moves into a directory.

#include "cli/command/command.hpp"
#include "cli/verbs/targets.hpp"

namespace minidfs::cli {
namespace {

Result<int> run(Invocation& invocation) {
  auto operands = invocation.arguments().operands;
  const std::string target_operand = operands.back();
  operands.pop_back();
  MDFS_TRY(const auto sources, dfs_paths(operands));
  MDFS_CHECK(refuse_same_names(sources));
  MDFS_TRY(auto target, parse_target(target_operand, sources.size()));
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_CHECK(look_up_target(*files, target));
  Tally tally(invocation.io());
  for (const auto& source : sources) {
    const auto moved = [&]() -> Status {
      // What the source is does not matter here: the namenode refuses what cannot be.
      MDFS_TRY(const auto path,
               resolve_target(target, {.name = base_name(source), .is_directory = !target.into}));
      return files->rename(source, path);
    };
    if (!tally.take(moved())) break;
  }
  return tally.exit_code();
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
