// minidfs setrep: changes the wanted copies of files.

#include <algorithm>
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

// Whether a replica there is one of the copies that are wanted: one of a datanode that is being
// taken out of service can be read, but does not count.
bool counts(const client::ClusterStatus& status, const metadata::ReplicaLocation& place) {
  const auto node = std::find_if(status.nodes.begin(), status.nodes.end(),
                                 [&](const auto& known) { return known.id == place.node; });
  return node == status.nodes.end() ||
         (node->admin != "decommissioning" && node->admin != "decommissioned");
}

std::size_t nodes_in_service(const client::ClusterStatus& status) {
  return static_cast<std::size_t>(
      std::count_if(status.nodes.begin(), status.nodes.end(), [](const auto& node) {
        return node.state != "dead" && (node.admin.empty() || node.admin == "in service");
      }));
}

// Says once why a wait cannot end as things are.
class Wait {
 public:
  Wait(const Io& io, client::FileSystem& files, std::size_t copies)
      : io_(io), files_(files), copies_(copies) {}

  Status wait_for(const std::string& path) {
    return client::poll_until(kPoll, [&]() -> Result<bool> {
      MDFS_TRY(const auto status, files_.status());
      MDFS_TRY(const auto blocks, files_.locate(path));
      const bool done = std::all_of(blocks.begin(), blocks.end(), [&](const auto& block) {
        const auto live = std::count_if(block.locations.begin(), block.locations.end(),
                                        [&](const auto& place) { return counts(status, place); });
        return static_cast<std::size_t>(live) == copies_;
      });
      if (!done) explain(nodes_in_service(status));
      return done;
    });
  }

 private:
  void explain(std::size_t nodes) {
    if (nodes >= copies_ || nodes == explained_) return;
    explained_ = nodes;
    io_.say("setrep: waits for more datanodes: " + std::to_string(copies_) +
            " copies are wanted, and " + std::to_string(nodes) + " datanodes are in service");
  }

  const Io& io_;
  client::FileSystem& files_;
  const std::size_t copies_;
  std::size_t explained_ = ~std::size_t{0};
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
  Wait wait(io, *files, copies);
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
    .details = "Blocks are copied or removed in the background; -w waits for it.\n",
    .example = "minidfs setrep -w 2 /photos",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = kManyOperands,
    .run = run};

}  // namespace minidfs::cli
