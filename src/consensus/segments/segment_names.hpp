// The segment files of a log's directory, and what is said when one of its files is damaged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace minidfs::consensus {

// "segment-" and 8 hexadecimal digits.
std::string segment_path(const std::string& directory, std::uint32_t number);

struct SegmentName {
  std::uint32_t number = 0;
  std::string path;
};
// By number. Empty when the directory does not exist.
Result<std::vector<SegmentName>> list_segments(const std::string& directory);

// kCorrupt: what is wrong, and what can be done.
Error damaged_log(const std::string& path, const std::string& what);
Error damaged_log(const Error& found);  // Whose message names the file.

}  // namespace minidfs::consensus
