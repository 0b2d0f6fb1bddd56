// The last operand of put and mv: a path of the file system that may be a directory.
#pragma once

#include "cli/command/paths.hpp"
#include "client/file_system.hpp"

namespace minidfs::cli {

// Without asking anybody.
Result<Target> parse_target(const std::string& operand, std::size_t source_count);

// Fills in `state`.
Status look_up_target(client::FileSystem& files, Target& target);

}  // namespace minidfs::cli
