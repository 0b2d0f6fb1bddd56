// minidfs stat: everything about one file or directory.

#include <array>
#include <nlohmann/json.hpp>

#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"blocks", 0, "", "Also the blocks of a file and where their copies are", ""},
    Flag{"json", 0, "", "One JSON object for each path", ""},
};

std::string block_line(const metadata::LocatedBlock& block) {
  std::string line = "block:        " + to_string(block.block.id) + " at " +
                     std::to_string(block.offset) + ", " + std::to_string(block.block.length) +
                     " bytes on";
  for (const auto& replica : block.locations) line += " " + metadata::to_string(replica.data);
  return line + (block.locations.empty() ? " no live node\n" : "\n");
}

Status show(Invocation& invocation, client::FileSystem& files, const std::string& path) {
  const auto& io = invocation.io();
  const bool as_json = invocation.arguments().has("json");
  MDFS_TRY(const auto status, files.stat(path));
  auto object = to_json(status, path);
  std::string text = stat_text(status, printable(path, io.out_is_terminal));
  if (invocation.arguments().has("blocks") && status.kind == metadata::FileKind::kFile) {
    MDFS_TRY(const auto blocks, files.locate(path));
    object["blocks"] = nlohmann::json::array();
    for (const auto& block : blocks) {
      object["blocks"].push_back(to_json(block));
      text += block_line(block);
    }
  }
  return io.print(as_json ? dump_json(object) : text);
}

Result<int> run(Invocation& invocation) {
  return for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
    return show(invocation, files, path);
  });
}

}  // namespace

const Command kStatCommand{.name = "stat",
                           .operands = "PATH...",
                           .summary = "Show everything about a file or directory",
                           .details = "",
                           .example = "minidfs stat --blocks /big.iso",
                           .flags = kFlags,
                           .operands_min = 1,
                           .operands_max = kManyOperands,
                           .run = run};

}  // namespace minidfs::cli
