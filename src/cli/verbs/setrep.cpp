// minidfs setrep: changes the wanted copies of files.

#include <array>
#include <charconv>
#include <chrono>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "cli/command/paths.hpp"
#include "cli/verbs/tree_walk.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using metadata::FileStatus;

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{200};

constexpr std::array kFlags{
    Flag{"recursive", 'R', "", "Accepted as HDFS does; directories are always taken whole", ""},
    Flag{"wait", 'w', "", "Wait until every block has the wanted copies", ""},
};

Result<std::uint8_t> parse_copies(const std::string& text) {
  std::uint8_t copies = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, copies);
  if (parsed.ec != std::errc() || parsed.ptr != end || copies == 0) {
    return Error{Errc::kInvalidArgument, "setrep: '" + text + "' is no number from 1 to 255"};
  }
  return copies;
}

// Asks the namenode, which knows what counts as a copy, and says once why a wait cannot end as
// things are.
class Wait {
 public:
  Wait(const Io& io, client::FileSystem& files) : io_(io), files_(files) {}

  Status wait_for(const std::string& path) {
    auto next_ask = Clock::now();
    return client::poll_until(kPoll, [&]() -> Result<bool> {
      const auto began = Clock::now();
      if (began < next_ask) return false;
      MDFS_TRY(const auto copies, files_.file_copies(path));
      // A file may have millions of blocks: to count them takes a tenth of the time at most.
      next_ask = began + 10 * (Clock::now() - began);
      if (copies.lacking + copies.surplus == 0) return true;
      explain(copies.waits_for);
      return false;
    });
  }

 private:
  void explain(const std::string& reason) {
    if (reason == explained_) return;
    explained_ = reason;
    if (!reason.empty()) io_.say("setrep: waits, as " + reason);
  }

  const Io& io_;
  client::FileSystem& files_;
  std::string explained_;
};

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto& io = invocation.io();
  MDFS_TRY(const auto copies, parse_copies(arguments.operands.front()));
  MDFS_TRY(const auto paths, dfs_paths({arguments.operands.begin() + 1, arguments.operands.end()}));
  MDFS_TRY(auto* files, invocation.file_system());
  Tally tally(io);
  std::vector<std::string> changed;
  // One file that fails leaves the others be; an error ends the walk.
  const auto set = [&](const FileStatus&, const std::string& file) -> Status {
    const auto done = files->set_replication(file, copies);
    if (!tally.take(done)) return Error{Errc::kCancelled, "stopped"};
    if (!done.ok()) return {};
    changed.push_back(file);
    return io.print("replication " + std::to_string(copies) +
                    " set: " + printable(file, io.out_is_terminal) + "\n");
  };
  for (const auto& path : paths) {
    const auto walked = for_each_file(*files, path, set);
    if (tally.stopped() || !tally.take(walked)) return tally.exit_code();
  }
  if (!arguments.has("wait")) return tally.exit_code();
  Wait wait(io, *files);
  for (const auto& file : changed) {
    if (!tally.take(wait.wait_for(file))) break;
  }
  return tally.exit_code();
}

}  // namespace

const Command kSetrepCommand{
    .name = "setrep",
    .operands = "COPIES PATH...",
    .summary = "Change the wanted copies of files",
    .details =
        "Blocks are copied or removed in the background; -w waits until the namenode says that\n"
        "every block has its copies, and that those too many are deleted.\n",
    .example = "minidfs setrep -w 2 /photos",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
