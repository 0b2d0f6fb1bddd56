// The last operand of get: a local file, directory, device or standard output.
#pragma once

#include <string>

#include "cli/command/paths.hpp"

namespace minidfs::cli {

struct LocalTarget {
  Target target;
  bool is_stream = false;  // Standard output, a device or a pipe: written to as it is.
};

Result<LocalTarget> examine_local_target(const std::string& operand, std::size_t source_count);

}  // namespace minidfs::cli
