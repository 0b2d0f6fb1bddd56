#include "actors/commit_change.hpp"

#include <utility>

#include "metadata/block_limits.hpp"
#include "metadata/namespace_staging.hpp"

namespace minidfs::actors {

Result<metadata::Change> change_of(const CommitWrite& commit) {
  const auto& asked = commit.change;
  if (commit.staged != 0 && asked.files.size() != 1) {
    return Error{Errc::kInvalidArgument, "a staged commit of several files"};
  }
  if (!commit.times.empty()) {
    if (commit.times.size() != asked.files.size()) {
      return Error{Errc::kInvalidArgument, std::to_string(commit.times.size()) + " times for " +
                                               std::to_string(asked.files.size()) + " files"};
    }
    return metadata::Change(metadata::CommitDated{asked.request, asked.time_ms, commit.client,
                                                  commit.session, commit.staged, asked.files,
                                                  commit.times});
  }
  if (commit.staged == 0) return metadata::Change(asked);
  return metadata::Change(metadata::CommitStaged{asked.request, asked.time_ms, commit.client,
                                                 commit.session, commit.staged, asked.files[0]});
}

CommitWrite commit_of(const metadata::StageBlocks& part, std::vector<WrittenBlock> written) {
  CommitWrite commit;
  commit.client = part.client;
  commit.session = part.session;
  commit.change.request = part.request;
  auto& file = commit.change.files.emplace_back();
  file.path = "write session " + std::to_string(part.session);
  file.block_size = part.block_size;
  file.blocks = metadata::blocks_of(part);
  commit.written = std::move(written);
  return commit;
}

// The granted sizes of the blocks are not known here: the rules check them against the file's.
CommitWrite commit_of(AppendWrite& append) {
  CommitWrite commit;
  commit.client = append.client;
  commit.session = append.session;
  commit.change.request = append.change.request;
  auto& file = commit.change.files.emplace_back();
  file.path = append.change.path;
  file.block_size = metadata::kBlockSizeMax;
  file.blocks = append.change.blocks;
  commit.written = std::move(append.written);
  return commit;
}

}  // namespace minidfs::actors
