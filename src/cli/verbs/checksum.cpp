// minidfs checksum: XXH3-128 of the bytes of files, to be compared with `xxhsum -H2`.

#include "base/file_checksum.hpp"
#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

Result<int> run(Invocation& invocation) {
  const auto& io = invocation.io();
  return for_each_path(
      invocation, [&](client::FileSystem& files, const std::string& path) -> Status {
        FileChecksum sum;
        const auto sink = [&](std::span<const std::byte> bytes) -> Status {
          sum.update(bytes);
          return {};
        };
        MDFS_CHECK(read_whole(files, path, sink));
        return io.print(sum.hex() + "  " + printable(path, io.out_is_terminal) + "\n");
      });
}

}  // namespace

const Command kChecksumCommand{
    .name = "checksum",
    .operands = "PATH...",
    .summary = "Print checksums of the bytes of files",
    .details = "The checksum is XXH3-128, as `xxhsum -H2` prints it for a local file.",
    .example = "minidfs checksum /big.iso; xxhsum -H2 big.iso",
    .flags = {},
    .operands_min = 1,
    .operands_max = kManyOperands,
    .reads_only = true,
    .run = run};

}  // namespace minidfs::cli
