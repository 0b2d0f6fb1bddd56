// The namenode's table of racks: a text file with a line "HOST RACK" for each machine; what follows
// a # is a comment.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::cli {

using RackTable = std::map<std::string, std::string>;

// Pure. kInvalidArgument, with the line's number, for a line that has another form or names a host
// twice.
Result<RackTable> parse_rack_table(std::string_view text);

// The rack of `host` as the file at `path` says now, so that it can be edited while the namenode
// runs; empty when it does not say. A file that cannot be read or parsed is logged.
std::string rack_in_file(const std::string& path, const std::string& host);

}  // namespace minidfs::cli
