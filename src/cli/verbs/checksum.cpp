// minidfs checksum: XXH3-128 of the bytes of files, to be compared with `xxhsum -H2`; or HDFS's
// checksum, to be compared with `hdfs dfs -checksum`.

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file_checksum.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"combine-mode", 0, "MODE", "HDFS's checksum of this kind: MD5MD5CRC or COMPOSITE_CRC", ""},
    Flag{"json", 0, "", "One JSON object; for several paths an array of them", ""},
};

constexpr char kOwnAlgorithm[] = "XXH3-128";

// Prints each sum at once, or collects JSON for the end.
class Sums {
 public:
  static Result<Sums> make(const Invocation& invocation) {
    Sums sums(invocation);
    const auto& arguments = invocation.arguments();
    if (arguments.has("combine-mode")) {
      MDFS_TRY(sums.mode_, client::parse_combine_mode(arguments.value("combine-mode")));
    }
    return sums;
  }

  Status one(client::FileSystem& files, const std::string& path) {
    client::HdfsChecksum sum;
    if (mode_) {
      MDFS_TRY(sum, hdfs_checksum(files, path, *mode_));
    } else {
      MDFS_TRY(sum, own_checksum(files, path));
    }
    if (json_) {
      found_.push_back({{"path", path}, {"algorithm", sum.algorithm}, {"checksum", sum.hex}});
      return {};
    }
    const auto name = printable(path, io_.out_is_terminal);
    return io_.print(mode_ ? name + '\t' + sum.algorithm + '\t' + sum.hex + '\n'
                           : sum.hex + "  " + name + '\n');
  }

  // One document: an object for one path, an array for several.
  Status finish() const {
    if (!json_ || (!many_ && found_.empty())) return {};
    return io_.print(dump_json(many_ ? found_ : found_.front()));
  }

 private:
  explicit Sums(const Invocation& invocation)
      : io_(invocation.io()),
        json_(invocation.arguments().has("json")),
        many_(invocation.arguments().operands.size() > 1) {}

  static Result<client::HdfsChecksum> own_checksum(client::FileSystem& files,
                                                   const std::string& path) {
    FileChecksum sum;
    const auto sink = [&](std::span<const std::byte> bytes) -> Status {
      sum.update(bytes);
      return {};
    };
    MDFS_CHECK(read_whole(files, path, sink));
    return client::HdfsChecksum{kOwnAlgorithm, sum.hex()};
  }

  static Result<client::HdfsChecksum> hdfs_checksum(client::FileSystem& files,
                                                    const std::string& path,
                                                    client::CombineMode mode) {
    MDFS_TRY([[maybe_unused]] const auto status, files.stat(path));
    auto sum = files.hdfs_checksum(path, mode);
    if (!sum.ok()) return about_data(std::move(sum).error()).error();
    return sum;
  }

  const Io& io_;
  const bool json_;
  const bool many_;
  std::optional<client::CombineMode> mode_;  // None: minidfs's own checksum.
  nlohmann::json found_ = nlohmann::json::array();
};

Result<int> run(Invocation& invocation) {
  MDFS_TRY(auto sums, Sums::make(invocation));
  MDFS_TRY(const int exit_code,
           for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
             return sums.one(files, path);
           }));
  MDFS_CHECK(sums.finish());
  return exit_code;
}

}  // namespace

const Command kChecksumCommand{
    .name = "checksum",
    .operands = "PATH...",
    .summary = "Print checksums of the bytes of files",
    .details =
        "The checksum is XXH3-128, as `xxhsum -H2` prints it for a local file. With\n"
        "--combine-mode it is HDFS's, as `hdfs dfs -checksum` prints it: the datanodes make\n"
        "it, and the bytes stay there. MD5MD5CRC depends on how a file is cut into blocks,\n"
        "COMPOSITE_CRC does not.",
    .example = "minidfs checksum /big.iso; xxhsum -H2 big.iso",
    .flags = kFlags,
    .operands_min = 1,
    .operands_max = kManyOperands,
    .reads_only = true,
    .run = run};

}  // namespace minidfs::cli
