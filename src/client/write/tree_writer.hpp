// Writes many local files: the small ones in batches, several of which are under way at once, the
// others one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "client/write/batch_writer.hpp"
#include "client/write/file_writer.hpp"

namespace minidfs::client {

// See FileSystem::write_files().
Result<WriteReport> write_tree(ClientContext& context, const std::vector<LocalFile>& files,
                               const FileSettings& settings, const FailureCallback& failed,
                               ProgressMeter& progress);

// Cuts `files` into runs of at most `files_max` files and about `bytes_max` bytes, in order. Pure.
// Returns the end of each run.
std::vector<std::size_t> form_batches(const std::vector<SmallFile>& files, std::size_t files_max,
                                      std::uint64_t bytes_max);

}  // namespace minidfs::client
