// minidfs cat: the bytes of files on standard output.

#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

Result<int> run(Invocation& invocation) {
  return for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
    return read_whole(files, path, invocation.io().out);
  });
}

}  // namespace

const Command kCatCommand{.name = "cat",
                          .operands = "PATH...",
                          .summary = "Write files to standard output",
                          .details = "",
                          .example = "minidfs cat /big.iso | sha256sum",
                          .flags = {},
                          .operands_min = 1,
                          .operands_max = kManyOperands,
                          .reads_only = true,
                          .run = run};

}  // namespace minidfs::cli
