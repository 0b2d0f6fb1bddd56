#include "client/hdfs_checksum.hpp"

namespace minidfs::client {

Result<CombineMode> parse_combine_mode(std::string_view text) {
  for (const auto mode : {CombineMode::kMd5Md5Crc, CombineMode::kCompositeCrc}) {
    if (text == to_string(mode)) return mode;
  }
  return Error{Errc::kInvalidArgument,
               "'" + std::string(text) + "' is not one of MD5MD5CRC, COMPOSITE_CRC"};
}

std::string_view to_string(CombineMode mode) {
  return mode == CombineMode::kMd5Md5Crc ? "MD5MD5CRC" : "COMPOSITE_CRC";
}

}  // namespace minidfs::client
