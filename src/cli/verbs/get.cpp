// minidfs get: copies files and trees out of the file system.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>

#include "base/file.hpp"
#include "base/random_id.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/local_target.hpp"
#include "cli/verbs/progress.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"recursive", 'r', "", "Copy directories and everything below them", ""},
    Flag{"force", 'f', "", "Replace a local file that exists", ""},
    Flag{"quiet", 'q', "", "No progress on the terminal", ""},
};

// A get whose target is known.
struct Fetch {
  Invocation& invocation;
  client::FileSystem& files;
  const LocalTarget& local;

  Status one(const std::string& path, const client::ProgressCallback& progress);
  Status to_stream(const std::string& path, const client::ProgressCallback& progress);
  Status to_path(const std::string& path, bool is_directory,
                 const client::ProgressCallback& progress);
};

Status Fetch::to_stream(const std::string& path, const client::ProgressCallback& progress) {
  constexpr auto kWhole = std::numeric_limits<std::uint64_t>::max();
  const auto& name = local.target.path;
  if (name == "-") return files.read_file(path, 0, kWhole, invocation.io().out, progress);
  MDFS_TRY(auto file, open_file(name, O_WRONLY));
  if (::lseek(file.get(), 0, SEEK_CUR) == 0) {
    const auto sink = [&](std::uint64_t offset, std::span<const std::byte> bytes) {
      return write_at(file.get(), bytes, offset, name);
    };
    return files.read_file_in_parallel(path, sink, progress);
  }
  const auto sink = [&](std::span<const std::byte> bytes) {
    return write_all(file.get(), bytes, name);
  };
  return files.read_file(path, 0, kWhole, sink, progress);
}

// Replaces a local file only when the new one is whole.
Status replace_local(client::FileSystem& files, const std::string& path, const std::string& target,
                     const client::ProgressCallback& progress) {
  // Beside the target, under a name of its own: the target's may be as long as names can be.
  const auto slash = target.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  const std::string temporary = parent + ".minidfs-" + to_string(random_id<ClientId>());
  MDFS_CHECK(files.read_tree(path, temporary, progress));
  if (::rename(temporary.c_str(), target.c_str()) == 0) return {};
  auto problem = errno_error(errno, target);
  ::unlink(temporary.c_str());
  return problem;
}

Status Fetch::to_path(const std::string& path, bool is_directory,
                      const client::ProgressCallback& progress) {
  MDFS_TRY(const auto target,
           resolve_target(local.target, {.name = base_name(path), .is_directory = is_directory}));
  if (::access(target.c_str(), F_OK) != 0) return files.read_tree(path, target, progress);
  if (is_directory) return Error{Errc::kAlreadyExists, target + ": already exists"};
  if (!invocation.arguments().has("force")) {
    return Error{Errc::kAlreadyExists, target + ": already exists (use -f to replace it)"};
  }
  return replace_local(files, path, target, progress);
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
  if (local.is_stream) return to_stream(path, progress);
  return to_path(path, is_directory, progress);
}

Result<int> run(Invocation& invocation) {
  auto sources = invocation.arguments().operands;
  const std::string operand = sources.back();
  sources.pop_back();
  for (auto& source : sources) {
    MDFS_TRY(source, dfs_path(source));
  }
  MDFS_TRY(const auto local, examine_local_target(operand, sources.size()));
  MDFS_TRY(auto* files, invocation.file_system());
  Fetch fetch{invocation, *files, local};
  int exit_code = 0;
  for (const auto& source : sources) {
    const auto fetched = [&] {
      ProgressBar bar(invocation.io(), invocation.arguments().has("quiet"));
      return fetch.one(source, bar.callback());
    }();
    if (fetched.ok()) continue;
    exit_code = report(invocation.io(), fetched.error());
    // Nobody reads on: the other sources would fail in the same way.
    if (fetched.error().code == Errc::kCancelled) break;
  }
  return exit_code;
}

}  // namespace

const Command kGetCommand{
    .name = "get",
    .operands = "PATH... LOCAL",
    .summary = "Copy files out of the file system",
    .details =
        "LOCAL may be '-' for standard output, or a directory that takes the copies in.\n"
        "A local file appears when it is whole, and one that exists is kept without -f.",
    .example = "minidfs get /big.iso copy.iso",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
