// minidfs chmod: changes the modes of files and directories.

#include <array>

#include "cli/command/command.hpp"
#include "cli/verbs/entry_changes.hpp"
#include "cli/verbs/mode_text.hpp"

namespace minidfs::cli {
namespace {

using metadata::EntryAttributes;
using metadata::FileStatus;

constexpr std::array kFlags{
    Flag{"recursive", 'R', "", "Also all that is below directories", ""},
};

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  MDFS_TRY(const auto mode, parse_mode(arguments.operands.front()));
  MDFS_TRY(const auto paths, dfs_paths({arguments.operands.begin() + 1, arguments.operands.end()}));
  MDFS_TRY(auto* files, invocation.file_system());
  Tally tally(invocation.io());
  EntryChanges<EntryAttributes> changes([&](const std::vector<EntryAttributes>& entries) {
    return files->set_attributes(entries, [&](const Error& error) { tally.fail(error); });
  });
  const auto visit = [&](const FileStatus& entry, const std::string& path) -> Status {
    const bool is_directory = entry.kind == metadata::FileKind::kDirectory;
    const auto changed = changed_mode(mode, entry.permission, is_directory);
    if (changed == entry.permission) return {};
    EntryAttributes attributes;
    attributes.path = path;
    attributes.permission = changed;
    return changes.add(std::move(attributes));
  };
  for (const auto& path : paths) {
    if (!tally.take(for_each_entry(*files, path, arguments.has("recursive"), visit))) break;
  }
  tally.take(changes.finish());
  return tally.exit_code();
}

}  // namespace

const Command kChmodCommand{
    .name = "chmod",
    .operands = "MODE PATH...",
    .summary = "Change the modes of files and directories",
    .details =
        "MODE is octal, such as 755 or 1777, or clauses such as u+x,go-w: whose (u, g, o, a\n"
        "or nothing for all), one of + - =, and what (r, w, x, t, or X: x of directories and\n"
        "of what anybody may execute).",
    .example = "minidfs chmod -R go-w /photos",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
