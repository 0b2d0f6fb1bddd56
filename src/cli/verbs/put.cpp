// minidfs put: copies local files and trees into the file system.

#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "cli/command/command.hpp"
#include "cli/verbs/local_tree.hpp"
#include "cli/verbs/progress.hpp"
#include "cli/verbs/targets.hpp"
#include "client/failures.hpp"
#include "client/local_source.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"recursive", 'r', "", "Copy directories and everything below them", ""},
    Flag{"force", 'f', "", "Replace files that exist", ""},
    Flag{"skip-existing", 0, "", "Leave files that exist as they are: goes on where a put stopped",
         ""},
    Flag{"preserve", 'p', "", "Keep modes and times", ""},
    Flag{"no-target-directory", 'T', "",
         "TARGET is what the one LOCAL becomes, also when it is a directory", ""},
    Flag{"replication", 0, "N", "Copies of each block", "client.replication"},
    Flag{"block-size", 0, "SIZE", "Size of blocks, such as 64MiB", "client.block_size"},
    Flag{"compression", 0, "KIND", "none, zstd, zstd:1 to zstd:19, or auto", "client.compression"},
    Flag{"quiet", 'q', "", "No progress on the terminal", ""},
};

struct LocalOperand {
  std::string local_path;
  CopySource source;
};

// What can be said of the sources by their words alone.
Status check_sources(const std::vector<std::string>& operands) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i + 1 < operands.size(); ++i) {
    if (operands[i] == "-" && operands.size() > 2) {
      return Error{Errc::kInvalidArgument, "'-' (standard input) must be the only source"};
    }
    names.push_back(local_base_name(operands[i]));
    for (std::size_t j = 0; j < i; ++j) {
      if (names[j] != names[i]) continue;
      return Error{Errc::kInvalidArgument,
                   operands[j] + " and " + operands[i] + " would both become '" + names[i] + "'"};
    }
  }
  return {};
}

Result<LocalOperand> examine_source(const std::string& path, bool recursive) {
  if (path == "-") return LocalOperand{path, {}};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno_error(errno, path);
  const bool is_directory = S_ISDIR(status.st_mode);
  if (is_directory && !recursive) {
    return Error{Errc::kIsADirectory, path + ": is a directory (use -r)"};
  }
  // What is special or unreadable is refused before the first byte is sent.
  if (!is_directory) MDFS_CHECK(client::LocalSource::examine(path));
  return LocalOperand{path, {local_base_name(path), is_directory}};
}

// Looks at every source before anything is sent; those that cannot be sent are told of.
std::vector<LocalOperand> examine_sources(const std::vector<std::string>& operands, bool recursive,
                                          Tally& tally) {
  std::vector<LocalOperand> sources;
  for (std::size_t i = 0; i + 1 < operands.size(); ++i) {
    auto source = examine_source(operands[i], recursive);
    if (source.ok()) {
      sources.push_back(std::move(source).value());
    } else {
      tally.fail(source.error());
    }
  }
  return sources;
}

// A put whose sources and target are known.
struct Copy {
  Invocation& invocation;
  client::FileSystem& files;
  const Target& target;
  client::WriteOptions options;

  Result<client::WriteReport> one(const LocalOperand& operand);
  Result<client::WriteReport> many(const std::vector<LocalOperand>& sources, LocalTree& tree);
};

Result<client::WriteReport> Copy::one(const LocalOperand& operand) {
  if (operand.local_path == "-") {
    if (target.into || target.state == TargetState::kDirectory) {
      return Error{Errc::kIsADirectory,
                   target.path + ": is a directory, and standard input has no name to take there"};
    }
    auto input = client::LocalSource::standard_input();
    return files.write_file(target.path, input, options);
  }
  MDFS_TRY(auto source, client::LocalSource::open(operand.local_path));
  MDFS_TRY(const auto path, resolve_target(target, operand.source));
  return files.write_file(path, source, options);
}

Result<client::WriteReport> Copy::many(const std::vector<LocalOperand>& sources, LocalTree& tree) {
  for (const auto& operand : sources) {
    MDFS_TRY(const auto path, resolve_target(target, operand.source));
    if (operand.source.is_directory) {
      add_local_tree(operand.local_path, path, tree);
    } else {
      tree.files.push_back({operand.local_path, path});
    }
  }
  for (const auto& directory : tree.empty_directories) {
    const auto made = files.make_directory(directory, true);
    if (made.ok()) continue;
    if (client::ends_all(made.error().code)) return made.error();
    options.failed(made.error());
  }
  if (tree.files.empty()) return client::WriteReport{};
  return files.write_files(tree.files, options);
}

// After all that is put in them, which changes their times.
Status preserve_directories(client::FileSystem& files, const LocalTree& tree, Tally& tally) {
  return files.preserve_attributes(tree.directories,
                                   [&tally](const Error& error) { tally.fail(error); });
}

void warn_of_few_copies(const Io& io, const std::string& path, const client::WriteReport& report) {
  if (report.bytes == 0 || report.copies_min >= report.copies_wanted) return;
  io.say(path + ": stored with " + std::to_string(report.copies_min) + " of " +
         std::to_string(report.copies_wanted) + " copies");
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto& io = invocation.io();
  const bool skip_existing = arguments.has("skip-existing");
  if (skip_existing && arguments.has("force")) {
    return Error{Errc::kInvalidArgument, "put: --skip-existing and --force exclude one another"};
  }
  MDFS_CHECK(check_sources(arguments.operands));
  MDFS_TRY(auto target, parse_target(arguments.operands.back(), arguments.operands.size() - 1));
  if (arguments.has("no-target-directory")) MDFS_CHECK(take_exactly(target));
  Tally tally(io);
  const auto sources = examine_sources(arguments.operands, arguments.has("recursive"), tally);
  if (sources.empty()) return tally.exit_code();
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_CHECK(look_up_target(*files, target));

  LocalTree tree;
  const bool single = arguments.operands.size() == 2 && !sources.front().source.is_directory;
  const auto report_of = [&]() -> Result<client::WriteReport> {
    ProgressBar bar(io, arguments.has("quiet"));
    Copy copy{invocation, *files, target, {}};
    copy.options.failed = [&](const Error& error) { tally.fail(error); };
    copy.options.keep_existing = skip_existing;
    copy.options.preserve = arguments.has("preserve");
    copy.options.overwrite = arguments.has("force");
    copy.options.progress = bar.callback();
    return single ? copy.one(sources.front()) : copy.many(sources, tree);
  };
  const auto written = report_of();
  for (const auto& problem : tree.problems) tally.fail(problem);
  if (arguments.has("preserve") && written.ok() && !tree.directories.empty()) {
    MDFS_CHECK(preserve_directories(*files, tree, tally));
  }
  if (!written.ok()) {
    if (skip_existing && single && written.error().code == Errc::kAlreadyExists) return 0;
    return written.error();
  }
  std::string shown = target.path;
  if (single && sources.front().local_path != "-") {
    MDFS_TRY(shown, resolve_target(target, sources.front().source));
  }
  warn_of_few_copies(io, shown, *written);
  return tally.exit_code();
}

}  // namespace

const Command kPutCommand{
    .name = "put",
    .operands = "LOCAL... TARGET",
    .summary = "Copy local files into the file system",
    .details =
        "LOCAL may be '-' for standard input. A TARGET that is a directory, or is written\n"
        "with a slash at its end, takes the copies in; several LOCALs need one. With -r a\n"
        "directory becomes TARGET, or TARGET/NAME when TARGET exists. A file appears when\n"
        "it is whole.",
    .example = "minidfs put -r --replication=2 photos /photos",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
