// The namenode's table of racks: a text file with a line "HOST RACK" for each machine; what follows
// a # is a comment.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::cli {

using RackTable = std::map<std::string, std::string>;

// Pure. kInvalidArgument, with the line's number, for a line that has another form or names a host
// twice.
Result<RackTable> parse_rack_table(std::string_view text);

// The rack of the first of `names` that the file at `path` knows, as it is now, so that it can be
// edited while the namenode runs; empty when it knows none. A file that cannot be read or parsed is
// logged.
std::string rack_in_file(const std::string& path, std::span<const std::string> names);

}  // namespace minidfs::cli
