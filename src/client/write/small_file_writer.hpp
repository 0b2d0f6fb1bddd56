// Writes many small local files: a batch of them is one request for blocks, one pipeline, one
// commit. Several batches are under way at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "client/write/file_writer.hpp"

namespace minidfs::client {

struct SmallFile {
  const LocalFile* file = nullptr;
  std::uint64_t length = 0;  // When the batch was formed; what is there when it is read counts.
};

// Cuts `files` into runs of at most `files_max` files and about `bytes_max` bytes, in order. Pure.
// Returns the end of each run.
std::vector<std::size_t> form_batches(const std::vector<SmallFile>& files, std::size_t files_max,
                                      std::uint64_t bytes_max);

// Each file must fit in one block. Stops at the first error, after what is under way.
Result<WriteReport> write_small_files(ClientContext& context, const std::vector<SmallFile>& files,
                                      const FileSettings& settings, ProgressMeter& progress);

}  // namespace minidfs::client
