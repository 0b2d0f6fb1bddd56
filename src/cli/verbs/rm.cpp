// minidfs rm: removes files and directories.

#include <array>

#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"recursive", 'r', "", "Remove directories and everything below them", ""},
    Flag{"force", 'f', "", "No error for what does not exist", ""},
};

Result<int> run(Invocation& invocation) {
  const bool recursive = invocation.arguments().has("recursive");
  const bool force = invocation.arguments().has("force");
  return for_each_path(invocation,
                       [&](client::FileSystem& files, const std::string& path) -> Status {
                         // As rm does, an empty directory is not removed without -r either.
                         if (!recursive) {
                           const auto status = files.stat(path);
                           if (!status.ok() && status.error().code != Errc::kNotFound) {
                             return status.error();
                           }
                           if (status.ok() && status->kind == metadata::FileKind::kDirectory) {
                             return Error{Errc::kIsADirectory, path + ": is a directory (use -r)"};
                           }
                         }
                         auto removed = files.remove(path, recursive);
                         if (!removed.ok() && removed.error().code == Errc::kNotFound && force)
                           return {};
                         return removed;
                       });
}

}  // namespace

const Command kRmCommand{.name = "rm",
                         .operands = "PATH...",
                         .summary = "Remove files and directories",
                         .details = "",
                         .example = "minidfs rm -r /photos",
                         .flags = kFlags,
                         .operands_min = 1,
                         .operands_max = kManyOperands,
                         .run = run};

}  // namespace minidfs::cli
