// minidfs namenode: what an operator asks of the namenode itself.

#include "base/units.hpp"
#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

Result<int> run(Invocation& invocation) {
  const auto& operands = invocation.arguments().operands;
  if (operands[0] != "backup") {
    return Error{Errc::kInvalidArgument, "namenode: '" + operands[0] + "' is not backup"};
  }
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(const auto report, files->back_up_namespace(operands[1]));
  MDFS_CHECK(invocation.io().print("backup of the namespace at change " +
                                   std::to_string(report.change) + ", " + human_size(report.bytes) +
                                   "\n"));
  return 0;
}

}  // namespace

const Command kNamenodeCommand{
    .name = "namenode",
    .operands = "backup DIR",
    .summary = "Take a backup of the running namenode's namespace",
    .details =
        "DIR, which must be missing or empty, appears when the backup is whole and on stable\n"
        "storage. It can be used as a namenode's data directory: see docs/operations.md for how "
        "to\n"
        "go back to it. Blocks are not part of it.\n",
    .example = "minidfs namenode backup /backup/2026-11-29",
    .flags = {},
    .operands_min = 2,
    .operands_max = 2,
    .run = run};

}  // namespace minidfs::cli
