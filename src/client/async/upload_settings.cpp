#include "client/write/file_writer.hpp"
// The above comes first: see net/asio.hpp.
#include <utility>

#include "client/async/upload_settings.hpp"

namespace minidfs::client {

Result<NewFile> new_file(const Options& options, const std::string& path,
                         const UploadSettings& settings) {
  WriteOptions write;
  write.overwrite = settings.overwrite;
  write.replication = settings.replication;
  write.block_size = settings.block_size;
  write.compression = settings.compression;
  MDFS_TRY(auto checked, file_settings(options, write));
  auto file = finished_file(options, checked, path, std::nullopt);
  file.file.parents = settings.parents;
  file.file.permission = settings.permission;
  if (!settings.owner.empty()) file.file.owner = settings.owner;
  if (!settings.group.empty()) file.file.group = settings.group;
  return NewFile{std::move(checked), std::move(file)};
}

}  // namespace minidfs::client
