#include "actors/commit_change.hpp"

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

}  // namespace minidfs::actors
