// minidfs stat: everything about one file or directory.

#include <array>
#include <nlohmann/json.hpp>

#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"blocks", 0, "", "Also the blocks of a file and where their copies are", ""},
    Flag{"json", 0, "", "One JSON object; for several paths an array of them", ""},
};

std::string block_line(const metadata::LocatedBlock& block) {
  std::string line = "block:        " + to_string(block.block.id) + " at " +
                     std::to_string(block.offset) + ", " + std::to_string(block.block.length) +
                     " bytes on";
  for (const auto& replica : block.locations) line += " " + metadata::to_string(replica.data);
  return line + (block.locations.empty() ? " no live node\n" : "\n");
}

// Shows each path as text at once, or collects JSON for the end.
class Show {
 public:
  explicit Show(Invocation& invocation)
      : io_(invocation.io()),
        json_(invocation.arguments().has("json")),
        blocks_(invocation.arguments().has("blocks")),
        many_(invocation.arguments().operands.size() > 1) {}

  Status one(client::FileSystem& files, const std::string& path) {
    MDFS_TRY(const auto status, files.stat(path));
    std::vector<metadata::LocatedBlock> blocks;
    const bool with_blocks = blocks_ && status.kind == metadata::FileKind::kFile;
    if (with_blocks) {
      MDFS_TRY(blocks, files.locate(path));
    }
    if (!json_) {
      std::string text =
          stat_text(printable(status, io_.out_is_terminal), printable(path, io_.out_is_terminal));
      for (const auto& block : blocks) text += block_line(block);
      return io_.print(text);
    }
    auto object = to_json(status, path);
    if (with_blocks) {
      object["blocks"] = nlohmann::json::array();
      for (const auto& block : blocks) object["blocks"].push_back(to_json(block));
    }
    found_.push_back(std::move(object));
    return {};
  }

  // One document: an object for one path, an array for several.
  Status finish() const {
    if (!json_ || (!many_ && found_.empty())) return {};
    return io_.print(dump_json(many_ ? found_ : found_.front()));
  }

 private:
  const Io& io_;
  const bool json_;
  const bool blocks_;
  const bool many_;
  nlohmann::json found_ = nlohmann::json::array();
};

Result<int> run(Invocation& invocation) {
  Show show(invocation);
  MDFS_TRY(const int exit_code,
           for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
             return show.one(files, path);
           }));
  MDFS_CHECK(show.finish());
  return exit_code;
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
                           .reads_only = true,
                           .run = run};

}  // namespace minidfs::cli
