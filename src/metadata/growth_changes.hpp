// The changes by which files grow; see changes.hpp. All of version 2 of the interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "metadata/request_id.hpp"
#include "metadata/types.hpp"

namespace minidfs::metadata {

// Adds blocks behind those of a file, each of 1 byte to the file's block size: what stands there
// stays as it is, a last block that is not full too. Refused with kStale when the file was replaced
// meanwhile, or has another length than its appender knows; the outcome's value is then the length
// that it has, 0 for a file that is gone.
struct AppendBlocks {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string path;          // Where the file was when it was looked up,
  InodeId file{};            // and which one it is: it may have been renamed since.
  std::uint64_t length = 0;  // That it has before.
  std::vector<Block> blocks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AppendBlocks& x) {
  return f(x.request, x.time_ms, x.path, x.file, x.length, x.blocks);
}

// The blocks of the sources become the last ones of the target, with its replication, and the
// sources disappear. All must be files of one directory.
struct ConcatFiles {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string target;
  std::vector<std::string> sources;  // In the order of their bytes.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ConcatFiles& x) {
  return f(x.request, x.time_ms, x.target, x.sources);
}

}  // namespace minidfs::metadata
