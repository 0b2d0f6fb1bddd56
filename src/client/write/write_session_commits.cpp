// The part of WriteSession that brings to the namenode what was stored.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/wall_clock.hpp"
#include "client/write/wait_for.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {
namespace {

// Of a change of which `count` outcomes are expected; `what` it is about.
WriteSession::Outcomes outcomes_of(Result<metadata::ChangeReply> reply, std::size_t count,
                                   const std::string& what) {
  if (!reply.ok()) return std::move(reply).error();
  if (reply->outcomes.size() == count) return std::move(reply->outcomes);
  return Error{Errc::kProtocol, "the namenode answered " + what + " with " +
                                    std::to_string(reply->outcomes.size()) + " outcomes"};
}

}  // namespace

void WriteSession::stage(metadata::StageBlocks part, std::vector<StoredBlock> blocks,
                         StageCallback callback) {
  if (auto status = alive(); !status.ok()) return callback(std::move(status));
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
  note_asked();
  context_.link.submit<actors::StageWrite>(
      std::move(request), [this, staged, callback = std::move(callback)](auto reply) {
        callback(note_staged(staged, outcomes_of(std::move(reply), 1, "one part of a file")));
        note_answered();
      });
}

Status WriteSession::note_staged(const std::vector<metadata::BlockRange>& blocks,
                                 const Outcomes& outcomes) {
  if (!outcomes.ok()) return outcomes.error();
  MDFS_CHECK(metadata::to_result(outcomes->front()));
  state_->note_staged(blocks);
  return {};
}

Status WriteSession::stage(metadata::StageBlocks part, std::vector<StoredBlock> blocks) {
  return wait_for<Status>([&](StageCallback callback) {
    stage(std::move(part), std::move(blocks), std::move(callback));
  });
}

void WriteSession::commit(std::vector<FinishedFile> files, std::uint64_t staged,
                          CommitCallback callback) {
  if (auto status = alive(); !status.ok()) return callback(std::move(status).error());
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
  note_asked();
  context_.link.submit<actors::CommitWrite>(
      std::move(request),
      [this, staged, blocks = std::move(blocks), callback = std::move(callback)](auto reply) {
        const auto what = "a commit of " + std::to_string(blocks.size()) + " files";
        auto outcomes = outcomes_of(std::move(reply), blocks.size(), what);
        for (std::size_t i = 0; outcomes.ok() && i < blocks.size(); ++i) {
          if ((*outcomes)[i].ok()) state_->note_committed(blocks[i], staged != 0);
        }
        callback(std::move(outcomes));
        note_answered();
      });
}

WriteSession::Outcomes WriteSession::commit(std::vector<FinishedFile> files, std::uint64_t staged) {
  return wait_for<Outcomes>(
      [&](CommitCallback callback) { commit(std::move(files), staged, std::move(callback)); });
}

// --- Growth ------------------------------------------------------------------------------------

struct WriteSession::Growth {
  actors::AppendWrite request;
  std::uint64_t bytes = 0;
  std::vector<BlockId> blocks;
  std::chrono::steady_clock::time_point until;
  GrowCallback callback;
};

void WriteSession::append(const GrowingFile& file, std::vector<StoredBlock> blocks,
                          GrowCallback callback) {
  const auto growth = std::make_shared<Growth>();
  growth->until = std::chrono::steady_clock::now() + context_.options.timeout;
  growth->callback = std::move(callback);
  auto& request = growth->request;
  request.client = context_.link.client_id();
  request.session = state_->id();
  request.change.path = file.path;
  request.change.file = file.id;
  request.change.length = file.length;
  for (auto& stored : blocks) {
    growth->blocks.push_back(stored.block.id);
    growth->bytes += stored.block.length;
    request.change.blocks.push_back(stored.block);
    request.written.push_back({stored.block.id, std::move(stored.nodes)});
  }
  ask_to_grow(growth);
}

void WriteSession::ask_to_grow(const std::shared_ptr<Growth>& growth) {
  if (auto status = alive(); !status.ok()) return growth->callback(std::move(status).error());
  note_asked();
  context_.link.submit<actors::AppendWrite>(growth->request, [this, growth](auto reply) {
    grown(growth, outcomes_of(std::move(reply), 1, "one append"));
    note_answered();
  });
}

// When somebody else was quicker the blocks, which are stored, come behind what that has added.
void WriteSession::grown(const std::shared_ptr<Growth>& growth, const Outcomes& outcomes) {
  if (!outcomes.ok()) return growth->callback(outcomes.error());
  const auto& outcome = outcomes->front();
  auto& length = growth->request.change.length;
  auto done = metadata::to_result(outcome);
  if (done.ok()) {
    state_->note_committed(growth->blocks, false);
    return growth->callback(length + growth->bytes);
  }
  const bool was_slow = done.error().code == Errc::kStale && outcome.value > length;
  if (!was_slow || std::chrono::steady_clock::now() >= growth->until) {
    return growth->callback(std::move(done).error());
  }
  length = outcome.value;
  ask_to_grow(growth);
}

Status WriteSession::append(GrowingFile& file, std::vector<StoredBlock> blocks) {
  MDFS_TRY(file.length, wait_for<Result<std::uint64_t>>([&](GrowCallback callback) {
             append(file, std::move(blocks), std::move(callback));
           }));
  return {};
}

}  // namespace minidfs::client
