// What is stored of one file that is being written, until it is committed.
//
// Of a file with more blocks than fit in one commit those at its beginning are staged with the
// namenode, part by part while others are being written, and forgotten here: neither the commit nor
// the memory grows with the file. Says which blocks are a part; whoever writes the file stages it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "client/write/write_session.hpp"
// The above comes first: see net/asio.hpp.
#include "base/result.hpp"
#include "client/file_system.hpp"
#include "metadata/changes.hpp"

namespace minidfs::client {

struct StagingOptions {
  std::size_t kept_max = 8192;    // With more blocks in hand the first ones are staged.
  std::uint64_t part_max = 4096;  // Blocks of one part; not more than kept_max.
};

// For WriteSession::stage().
struct FilePart {
  metadata::StageBlocks change;
  std::vector<StoredBlock> blocks;
};

// Not thread-safe.
class FileBlocks {
 public:
  FileBlocks(std::uint64_t block_size, std::uint8_t replication, const StagingOptions& options);

  // Block `index` is stored; given once.
  void add(std::uint64_t index, StoredBlock block);
  // What is to be staged now, if anything is: one part at a time. It counts as staged.
  std::optional<FilePart> take_part();
  // Gives the other blocks to `file`, which has `blocks` in all, all of which were added. Last of
  // all. kStale when more were staged.
  Status finish(std::uint64_t blocks, FinishedFile& file);

  std::uint64_t staged() const { return staged_; }
  // On the blocks that were staged and finished.
  const WriteReport& report() const { return report_; }

 private:
  std::uint64_t part_size() const;
  void count(const StoredBlock& block);

  const std::uint64_t block_size_;
  const std::uint8_t replication_;
  const StagingOptions options_;
  std::map<std::uint64_t, StoredBlock> stored_;  // By index; those below staged_ are gone.
  std::uint64_t staged_ = 0;
  WriteReport report_;
};

}  // namespace minidfs::client
