// minidfs chown and chgrp: give files and directories another owner or group.

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/command/command.hpp"
#include "cli/verbs/entry_changes.hpp"

namespace minidfs::cli {
namespace {

using metadata::EntryOwner;
using metadata::FileStatus;

constexpr std::array kFlags{
    Flag{"recursive", 'R', "", "Also all that is below directories", ""},
};

// As HDFS's shell has it.
bool is_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-_./@").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

Result<EntryOwner> parse_owner(const std::string& text) {
  const auto colon = text.find(':');
  EntryOwner owner;
  owner.owner = text.substr(0, colon);
  if (colon != std::string::npos) owner.group = text.substr(colon + 1);
  if (!is_name(owner.owner) || !is_name(owner.group)) {
    return Error{Errc::kInvalidArgument,
                 "'" + text + "' does not match expected pattern for [owner][:group]."};
  }
  if (owner.owner.empty() && owner.group.empty()) {
    return Error{Errc::kInvalidArgument, "'" + text + "' does not specify owner or group."};
  }
  return owner;
}

Result<EntryOwner> parse_group(const std::string& text) {
  EntryOwner owner;
  owner.group = text;
  if (!text.empty() && is_name(text)) return owner;
  return Error{Errc::kInvalidArgument, "'" + text + "' does not match expected pattern for group"};
}

Result<int> give(Invocation& invocation, const EntryOwner& owner) {
  const auto& arguments = invocation.arguments();
  MDFS_TRY(const auto paths, dfs_paths({arguments.operands.begin() + 1, arguments.operands.end()}));
  MDFS_TRY(auto* files, invocation.file_system());
  Tally tally(invocation.io());
  EntryChanges<EntryOwner> changes([&](const std::vector<EntryOwner>& entries) {
    return files->set_owner(entries, [&](const Error& error) { tally.fail(error); });
  });
  const auto visit = [&](const FileStatus& entry, const std::string& path) -> Status {
    const bool stays = (owner.owner.empty() || owner.owner == entry.owner) &&
                       (owner.group.empty() || owner.group == entry.group);
    return stays ? Status() : changes.add({path, owner.owner, owner.group});
  };
  for (const auto& path : paths) {
    if (!tally.take(for_each_entry(*files, path, arguments.has("recursive"), visit))) break;
  }
  tally.take(changes.finish());
  return tally.exit_code();
}

Result<int> run_chown(Invocation& invocation) {
  MDFS_TRY(const auto owner, parse_owner(invocation.arguments().operands.front()));
  return give(invocation, owner);
}

Result<int> run_chgrp(Invocation& invocation) {
  MDFS_TRY(const auto owner, parse_group(invocation.arguments().operands.front()));
  return give(invocation, owner);
}

}  // namespace

const Command kChownCommand{.name = "chown",
                            .operands = "[OWNER][:GROUP] PATH...",
                            .summary = "Change the owner and group of files and directories",
                            .details = "",
                            .example = "minidfs chown -R alice:users /home/alice",
                            .flags = kFlags,
                            .operands_min = 2,
                            .operands_max = kManyOperands,
                            .run = run_chown};

const Command kChgrpCommand{.name = "chgrp",
                            .operands = "GROUP PATH...",
                            .summary = "Change the group of files and directories",
                            .details = "",
                            .example = "minidfs chgrp -R users /photos",
                            .flags = kFlags,
                            .operands_min = 2,
                            .operands_max = kManyOperands,
                            .run = run_chgrp};

}  // namespace minidfs::cli
