// minidfs get: copies files and trees out of the file system.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <limits>

#include "base/file.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/local_target.hpp"
#include "cli/verbs/progress.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"recursive", 'r', "", "Copy directories and everything below them", ""},
    Flag{"force", 'f', "", "Replace local files that exist", ""},
    Flag{"preserve", 'p', "", "Keep modes and times", ""},
    Flag{"skip-existing", 0, "", "Leave local files that exist: goes on where a get stopped", ""},
    Flag{"salvage", 0, "", "Of damaged files store what can be read, with zeros for the rest", ""},
    Flag{"no-target-directory", 'T', "",
         "LOCAL is what the one PATH becomes, also when it is a directory", ""},
    Flag{"quiet", 'q', "", "No progress on the terminal", ""},
};

// A get whose target is known.
struct Fetch {
  Invocation& invocation;
  client::FileSystem& files;
  const LocalTarget& local;
  Tally& tally;

  Status one(const std::string& path, const client::ProgressCallback& progress);
  Status to_stream(const std::string& path, const client::ProgressCallback& progress);
  Status to_path(const std::string& path, bool is_directory,
                 const client::ProgressCallback& progress);
};

Status Fetch::to_stream(const std::string& path, const client::ProgressCallback& progress) {
  constexpr auto kWhole = std::numeric_limits<std::uint64_t>::max();
  const auto& name = local.target.path;
  const bool salvage = invocation.arguments().has("salvage");
  const auto in_order = [&](const client::Sink& sink) {
    return salvage ? files.salvage_file(path, sink, progress)
                   : files.read_file(path, 0, kWhole, sink, progress);
  };
  if (name == "-") return in_order(invocation.io().out);
  MDFS_TRY(auto file, open_file(name, O_WRONLY));
  if (!salvage && ::lseek(file.get(), 0, SEEK_CUR) == 0) {
    const auto sink = [&](std::uint64_t offset, std::span<const std::byte> bytes) {
      return write_at(file.get(), bytes, offset, name);
    };
    return files.read_file_in_parallel(path, sink, progress);
  }
  return in_order(
      [&](std::span<const std::byte> bytes) { return write_all(file.get(), bytes, name); });
}

Status Fetch::to_path(const std::string& path, bool is_directory,
                      const client::ProgressCallback& progress) {
  MDFS_TRY(const auto target,
           resolve_target(local.target, {.name = base_name(path), .is_directory = is_directory}));
  const bool force = invocation.arguments().has("force");
  const bool skip_existing = invocation.arguments().has("skip-existing");
  // A link to nowhere does not exist in this sense.
  if (!skip_existing && !force && ::access(target.c_str(), F_OK) == 0) {
    return Error{Errc::kAlreadyExists, target + ": already exists (use -f to replace " +
                                           (is_directory ? "the files in it)" : "it)")};
  }
  client::ReadOptions options;
  options.overwrite = force;
  options.keep_existing = skip_existing;
  options.salvage = invocation.arguments().has("salvage");
  options.preserve = invocation.arguments().has("preserve");
  options.progress = progress;
  options.failed = [this](const Error& error) { tally.fail(error); };
  return about_data(files.read_tree(path, target, options));
}

Status Fetch::one(const std::string& path, const client::ProgressCallback& progress) {
  MDFS_TRY(const auto status, files.stat(path));
  const bool is_directory = status.kind == metadata::FileKind::kDirectory;
  if (is_directory && !invocation.arguments().has("recursive")) {
    return Error{Errc::kIsADirectory, path + ": is a directory (use -r)"};
  }
  if (local.is_stream && is_directory) {
    return Error{Errc::kIsADirectory, path + ": is a directory, and " + local.target.path +
                                          " takes the bytes of files only"};
  }
  if (local.is_stream) return about_data(to_stream(path, progress));
  return to_path(path, is_directory, progress);
}

Result<int> run(Invocation& invocation) {
  auto operands = invocation.arguments().operands;
  const std::string operand = operands.back();
  operands.pop_back();
  const auto& arguments = invocation.arguments();
  if (arguments.has("skip-existing") && arguments.has("force")) {
    return Error{Errc::kInvalidArgument, "get: --skip-existing and --force exclude one another"};
  }
  MDFS_TRY(const auto sources, dfs_paths(operands));
  MDFS_TRY(auto local, examine_local_target(operand, sources.size()));
  if (arguments.has("no-target-directory")) MDFS_CHECK(take_exactly(local.target));
  if (!local.is_stream) MDFS_CHECK(refuse_same_names(sources));
  MDFS_TRY(auto* files, invocation.file_system());
  Tally tally(invocation.io());
  Fetch fetch{invocation, *files, local, tally};
  for (const auto& source : sources) {
    const auto fetched = [&] {
      ProgressBar bar(invocation.io(), invocation.arguments().has("quiet"));
      return fetch.one(source, bar.callback());
    }();
    if (!tally.take(fetched)) break;
  }
  return tally.exit_code();
}

}  // namespace

const Command kGetCommand{
    .name = "get",
    .operands = "PATH... LOCAL",
    .summary = "Copy files out of the file system",
    .details =
        "LOCAL may be '-' for standard output, or a directory that takes the copies in.\n"
        "A local file appears when it is whole, and one that exists is kept without -f. With\n"
        "--salvage a damaged file is stored too, named, and the exit code is 1.",
    .example = "minidfs get /big.iso copy.iso",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .reads_only = true,
    .run = run};

}  // namespace minidfs::cli
