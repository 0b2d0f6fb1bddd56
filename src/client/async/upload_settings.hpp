// What a new file is to be, as those say who write it piece by piece or as a whole.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "client/write/file_writer.hpp"

namespace minidfs::client {

struct UploadSettings {
  bool overwrite = false;
  bool parents = true;
  std::uint16_t permission = 0644;
  std::string owner;  // Empty, or 0: as in Options, and so on.
  std::string group;
  std::uint8_t replication = 0;
  std::uint64_t block_size = 0;
  std::string compression;
};

struct NewFile {
  FileSettings settings;
  FinishedFile file;  // Without its blocks.
};
// kInvalidArgument when the settings are of no use.
Result<NewFile> new_file(const Options& options, const std::string& path,
                         const UploadSettings& settings);

}  // namespace minidfs::client
