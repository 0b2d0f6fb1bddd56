// Writes many small local files: a batch of them is one request for blocks, one pipeline, one
// commit. Several batches are under way at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/client_context.hpp"
#include "client/failures.hpp"
#include "client/progress_meter.hpp"
#include "client/write/file_writer.hpp"

namespace minidfs::client {

struct SmallFile {
  const LocalFile* file = nullptr;
  std::uint64_t length = 0;  // As it is said to be; what can be read counts.
};

// Cuts `files` into runs of at most `files_max` files and about `bytes_max` bytes, in order. Pure.
// Returns the end of each run.
std::vector<std::size_t> form_batches(const std::vector<SmallFile>& files, std::size_t files_max,
                                      std::uint64_t bytes_max);

// What many writes achieved together, and the files that have turned out to be no small ones.
struct SmallFilesReport {
  WriteReport written;
  std::vector<const LocalFile*> large;
  Status ended;  // What all files would meet, and so was the end after what was under way then.
};

// Writes what of `files` has at most `bytes_max` bytes when it is read, which must fit in one
// block. Files that cannot be read or stored are noted in `failures` and stop none of the others.
SmallFilesReport write_small_files(ClientContext& context, const std::vector<SmallFile>& files,
                                   std::uint64_t bytes_max, const FileSettings& settings,
                                   Failures& failures, ProgressMeter& progress);

// Adds one report to the sum of others.
void add_report(WriteReport& total, const WriteReport& one);

}  // namespace minidfs::client
