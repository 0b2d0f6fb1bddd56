// The VERSION file of a data directory, of either role: what it is, in lines of "key=value" under a
// checksum. docs/formats.md, "Data directories".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace minidfs::storage {

// In the order in which they stand in the file; the file's own "format" and "checksum" left out.
using VersionFields = std::vector<std::pair<std::string, std::string>>;

std::string format_version(std::uint64_t format, const VersionFields& fields);

// The values of `keys`, in that order, which must be all that is in the file. kUnsupported for a
// format above `format_max`; kCorrupt for anything else that format_version() would not write.
// `path` and `remedy` (what to do) complete the error.
Result<std::vector<std::string>> parse_version(std::string_view text, std::uint64_t format_max,
                                               const std::vector<std::string_view>& keys,
                                               const std::string& path, std::string_view remedy);

// Takes the directory's lock for this process, as long as the descriptor is open. kInUse when
// another holds it; `advice` completes the error.
Result<UniqueFd> lock_directory(const std::string& directory, std::string_view advice);

}  // namespace minidfs::storage
