// minidfs ls: lists directories.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/path.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"
#include "cli/verbs/tree_walk.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"long", 'l', "", "Mode, copies, owner, group, length and time of each entry", ""},
    Flag{"recursive", 'R', "", "Everything below, with full paths", ""},
    Flag{"json", 0, "", "One JSON array", ""},
};

// Collects entries and writes them: lines at once, JSON at the end.
class Lister {
 public:
  explicit Lister(Invocation& invocation)
      : io_(invocation.io()),
        long_(invocation.arguments().has("long")),
        recursive_(invocation.arguments().has("recursive")),
        json_(invocation.arguments().has("json")),
        headings_(invocation.arguments().operands.size() > 1 && !recursive_) {}

  Status list(client::FileSystem& files, const std::string& path) {
    MDFS_TRY(const auto status, files.stat(path));
    if (status.kind == metadata::FileKind::kFile) return show(status, path, path);
    if (headings_ && !json_) {
      MDFS_CHECK(io_.print((first_ ? "" : "\n") + printable(path, io_.out_is_terminal) + ":\n"));
    }
    first_ = false;
    // An explicit stack: a tree may be deeper than the machine's.
    std::vector<std::string> pending{path};
    while (!pending.empty()) {
      const std::string directory = std::move(pending.back());
      pending.pop_back();
      MDFS_CHECK(list_directory(files, directory, pending));
    }
    return {};
  }

  // Writes the lines collected so far.
  Status flush() {
    auto written = io_.print(text_);
    text_.clear();
    return written;
  }

  Status finish() { return json_ ? io_.print(dump_json(all_)) : Status(); }

 private:
  Status list_directory(client::FileSystem& files, const std::string& directory,
                        std::vector<std::string>& pending) {
    MDFS_TRY(const auto entries, list_what_is_left(files, directory));
    std::vector<std::string> below;
    for (const auto& entry : entries) {
      const auto path = join_path(directory, entry.name);
      MDFS_CHECK(show(entry, path, recursive_ ? path : entry.name));
      if (recursive_ && entry.kind == metadata::FileKind::kDirectory) below.push_back(path);
    }
    // The last to be pushed is the next to be taken.
    pending.insert(pending.end(), below.rbegin(), below.rend());
    return flush();
  }

  Status show(const metadata::FileStatus& status, const std::string& path,
              const std::string& name) {
    if (json_) {
      all_.push_back(to_json(status, path));
      return {};
    }
    const auto shown = printable(name, io_.out_is_terminal);
    text_ += long_ ? long_line(printable(status, io_.out_is_terminal), shown) : shown + "\n";
    return text_.size() < 64 * 1024 ? Status() : flush();
  }

  const Io& io_;
  const bool long_;
  const bool recursive_;
  const bool json_;
  const bool headings_;
  bool first_ = true;
  std::string text_;
  nlohmann::json all_ = nlohmann::json::array();
};

Result<int> run(Invocation& invocation) {
  Lister lister(invocation);
  MDFS_TRY(const int exit_code,
           for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
             auto listed = lister.list(files, path);
             const auto flushed = lister.flush();
             return listed.ok() ? flushed : listed;
           }));
  MDFS_CHECK(lister.finish());
  return exit_code;
}

}  // namespace

const Command kLsCommand{.name = "ls",
                         .operands = "[PATH...]",
                         .summary = "List directories",
                         .details = "Without a PATH the root is listed. Times are UTC.",
                         .example = "minidfs ls -l /photos",
                         .flags = kFlags,
                         .operands_min = 0,
                         .operands_max = kManyOperands,
                         .operand_default = "/",
                         .reads_only = true,
                         .run = run};

}  // namespace minidfs::cli
