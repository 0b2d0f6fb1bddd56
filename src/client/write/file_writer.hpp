// Writes one file: its blocks in parallel pipelines, then one commit that makes it visible.
#pragma once

#include <optional>
#include <string>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "storage/blocks/slice_codec.hpp"

namespace minidfs::client {

// WriteOptions with the defaults of Options filled in and checked.
struct FileSettings {
  bool overwrite = false;
  bool keep_existing = false;
  bool preserve = false;
  std::uint8_t replication = 0;
  std::uint64_t block_size = 0;
  std::string compression_text;
  storage::Compression compression;
};
Result<FileSettings> file_settings(const Options& options, const WriteOptions& write);

// What the namenode is told about a file, but for its blocks and, where they are preserved, its
// times.
metadata::CommittedFile committed_file(const Options& options, const FileSettings& settings,
                                       const std::string& path,
                                       const std::optional<Attributes>& attributes);

// What block `index` of a file will take, or what it may take if the file has become longer than
// `file_length`. Pure.
std::uint64_t block_length(std::uint64_t file_length, std::uint64_t block_size,
                           std::uint64_t index);

// Blocks until the file is visible. Adds to `progress`; does not finish it.
Result<WriteReport> write_one_file(ClientContext& context, const std::string& path, Source& source,
                                   const FileSettings& settings, ProgressMeter& progress);

}  // namespace minidfs::client
