// What has been written of one file: its blocks in the order of the file, until they are committed.
// A file of few blocks is committed as it is. Of a longer one the blocks at its beginning are
// staged with the namenode, part by part while others are being written, and forgotten here:
// neither the commit nor the memory grows with the file.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "client/client_context.hpp"
#include "client/write/block_write.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {

struct StagingOptions {
  std::size_t kept_max = 8192;    // With more blocks in hand the first ones are staged.
  std::uint64_t part_max = 4096;  // Blocks of one part; not more than kept_max.
};

// Thread-safe but for commit().
class WrittenFile {
 public:
  // REQUIRES: all outlive this.
  WrittenFile(WriteSession& session, const FileSettings& settings,
              const StagingOptions& options = {});

  // Block `index` is stored. Blocks that are there once are never given again. May stage a part,
  // which takes as long as the namenode does.
  Status add(std::uint64_t index, WrittenPart part);

  // Makes the file visible with its first `blocks` blocks, all of which are there. `file` has none.
  Result<WriteReport> commit(metadata::CommittedFile file, std::uint64_t blocks);

 private:
  std::vector<WrittenPart> take_part();
  Status stage(std::uint64_t position, std::vector<WrittenPart> parts);
  void count(const WrittenPart& part);

  WriteSession& session_;
  const FileSettings& settings_;
  const StagingOptions options_;
  std::mutex mutex_;
  std::map<std::uint64_t, WrittenPart> parts_;  // By index; those below staged_ are gone.
  std::uint64_t staged_ = 0;                    // With those that are on their way.
  bool staging_ = false;
  WriteReport report_;
};

}  // namespace minidfs::client
