// The part of WriteSession that brings to the namenode what was stored.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/wall_clock.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {

Status WriteSession::stage(metadata::StageBlocks part, std::vector<StoredBlock> blocks) {
  MDFS_CHECK(alive());
  actors::StageWrite request;
  std::vector<BlockId> ids;
  for (auto& stored : blocks) {
    ids.push_back(stored.block.id);
    request.written.push_back({stored.block.id, std::move(stored.nodes)});
  }
  part.client = context_.link.client_id();
  part.session = state_->id();
  part.generation = blocks.front().block.generation;
  part.blocks = ranges_of(ids);
  const auto staged = part.blocks;
  request.change = std::move(part);
  MDFS_TRY(const auto reply, context_.link.call(std::move(request)));
  if (reply.outcomes.size() != 1) {
    return Error{Errc::kProtocol, "the namenode answered one part of a file with " +
                                      std::to_string(reply.outcomes.size()) + " outcomes"};
  }
  MDFS_CHECK(metadata::to_result(reply.outcomes.front()));
  state_->note_staged(staged);
  return {};
}

Status WriteSession::append(GrowingFile& file, std::vector<StoredBlock> blocks) {
  actors::AppendWrite request;
  request.client = context_.link.client_id();
  request.session = state_->id();
  auto& change = request.change;
  change.path = file.path;
  change.file = file.id;
  std::vector<BlockId> ids;
  for (auto& stored : blocks) {
    ids.push_back(stored.block.id);
    change.blocks.push_back(stored.block);
    request.written.push_back({stored.block.id, std::move(stored.nodes)});
  }
  // When somebody else was quicker the blocks, which are stored, come behind what that has added.
  const auto until = std::chrono::steady_clock::now() + context_.options.timeout;
  for (;;) {
    MDFS_CHECK(alive());
    change.length = file.length;
    MDFS_TRY(const auto reply, context_.link.call(request));
    if (reply.outcomes.size() != 1) {
      return Error{Errc::kProtocol, "the namenode answered one append with " +
                                        std::to_string(reply.outcomes.size()) + " outcomes"};
    }
    const auto& outcome = reply.outcomes.front();
    const auto done = metadata::to_result(outcome);
    if (done.ok()) break;
    const bool was_slow = done.error().code == Errc::kStale && outcome.value > file.length;
    if (!was_slow || std::chrono::steady_clock::now() >= until) return done.error();
    file.length = outcome.value;
  }
  for (const auto& block : change.blocks) file.length += block.length;
  state_->note_committed(ids, false);
  return {};
}

Result<std::vector<metadata::Outcome>> WriteSession::commit(std::vector<FinishedFile> files,
                                                            std::uint64_t staged) {
  MDFS_CHECK(alive());
  actors::CommitWrite request;
  request.client = context_.link.client_id();
  request.session = state_->id();
  request.staged = staged;
  request.change.time_ms = wall_clock_ms();
  const bool dated = std::any_of(files.begin(), files.end(), [](const auto& finished) {
    return finished.times != metadata::FileTimes{};
  });
  std::vector<std::vector<BlockId>> blocks(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto& finished = files[i];
    for (auto& stored : finished.blocks) {
      blocks[i].push_back(stored.block.id);
      finished.file.blocks.push_back(stored.block);
      request.written.push_back({stored.block.id, std::move(stored.nodes)});
    }
    if (dated) request.times.push_back(finished.times);
    request.change.files.push_back(std::move(finished.file));
  }
  MDFS_TRY(auto reply, context_.link.call(std::move(request)));
  if (reply.outcomes.size() != files.size()) {
    return Error{Errc::kProtocol, "the namenode answered a commit of " +
                                      std::to_string(files.size()) + " files with " +
                                      std::to_string(reply.outcomes.size()) + " outcomes"};
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (reply.outcomes[i].ok()) state_->note_committed(blocks[i], staged != 0);
  }
  return std::move(reply.outcomes);
}

}  // namespace minidfs::client
