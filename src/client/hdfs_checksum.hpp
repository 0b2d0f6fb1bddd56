// HDFS's checksum of a file, which DistCp compares files by; both kinds of it. minidfs's own
// checksums are others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::client {

// How the sums of blocks become that of a file: HDFS's dfs.checksum.combine.mode.
enum class CombineMode : std::uint8_t {
  kMd5Md5Crc,     // Depends on how the file is cut into blocks.
  kCompositeCrc,  // Does not.
};

// "MD5MD5CRC" or "COMPOSITE_CRC".
Result<CombineMode> parse_combine_mode(std::string_view text);
std::string_view to_string(CombineMode mode);

struct HdfsChecksum {
  std::string algorithm;  // "MD5-of-131072MD5-of-512CRC32C" or "COMPOSITE-CRC32C".
  std::string hex;        // Of its 28 or 4 bytes.
};

}  // namespace minidfs::client
