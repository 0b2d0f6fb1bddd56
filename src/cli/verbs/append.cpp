// minidfs append: adds local files to the end of a file.

#include <array>
#include <optional>
#include <utility>

#include "cli/command/command.hpp"
#include "cli/command/paths.hpp"
#include "cli/verbs/progress.hpp"
#include "client/local_source.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"quiet", 'q', "", "No progress on the terminal", ""},
};

// Several local files, one after the other. Each is opened when its turn comes.
class ChainedSource final : public client::Source {
 public:
  explicit ChainedSource(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    for (;;) {
      if (!source_) {
        if (next_ == paths_.size()) return std::size_t{0};
        MDFS_TRY(source_, client::LocalSource::open(paths_[next_++]));
      }
      MDFS_TRY(const auto count, source_->read(buffer));
      if (count > 0) return count;
      source_.reset();
    }
  }

 private:
  const std::vector<std::string> paths_;
  std::size_t next_ = 0;
  std::optional<client::LocalSource> source_;
};

Result<std::unique_ptr<client::Source>> open_sources(const std::vector<std::string>& paths) {
  if (paths.size() > 1) return std::unique_ptr<client::Source>(new ChainedSource(paths));
  if (paths.front() == "-") {
    return std::unique_ptr<client::Source>(
        new client::LocalSource(client::LocalSource::standard_input()));
  }
  MDFS_TRY(auto source, client::LocalSource::open(paths.front()));
  return std::unique_ptr<client::Source>(new client::LocalSource(std::move(source)));
}

// Before a byte is sent: all of them are added, or nothing is.
Status check_sources(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    if (path != "-") {
      MDFS_CHECK(client::LocalSource::examine(path));
    } else if (paths.size() > 1) {
      return Error{Errc::kInvalidArgument, "'-' (standard input) must be the only source"};
    }
  }
  return {};
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto& io = invocation.io();
  const std::vector<std::string> sources(arguments.operands.begin(), arguments.operands.end() - 1);
  MDFS_TRY(const auto path, dfs_path(arguments.operands.back()));
  MDFS_CHECK(check_sources(sources));
  MDFS_TRY(const auto source, open_sources(sources));
  MDFS_TRY(auto* files, invocation.file_system());
  const auto status = files->stat(path);
  if (!status.ok() && status.error().code != Errc::kNotFound) return status.error();
  const auto report_of = [&] {
    ProgressBar bar(io, arguments.has("quiet"));
    if (status.ok()) return files->append_file(path, *source, bar.callback());
    client::WriteOptions options;
    options.progress = bar.callback();
    return files->write_file(path, *source, options);
  };
  MDFS_TRY(const auto report, report_of());
  if (report.bytes > 0 && report.copies_min < report.copies_wanted) {
    io.say(path + ": stored with " + std::to_string(report.copies_min) + " of " +
           std::to_string(report.copies_wanted) + " copies");
  }
  return 0;
}

}  // namespace

const Command kAppendCommand{
    .name = "append",
    .operands = "LOCAL... PATH",
    .summary = "Add local files to the end of a file",
    .details =
        "LOCAL may be '-' for standard input. A file that is missing is made. All that is\n"
        "added appears at once when it is stored; what others add meanwhile stays.",
    .example = "minidfs append today.log /logs/all",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
