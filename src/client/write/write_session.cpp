#include "client/write/write_session.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "base/wall_clock.hpp"

namespace minidfs::client {
namespace {

// Copies would be lost by doing without the slow nodes.
bool falls_short(const Result<std::vector<actors::PipelineGrant>>& grants,
                 const actors::AllocateBlocks& request) {
  if (!grants.ok()) {
    return grants.error().code == Errc::kNoDatanode || grants.error().code == Errc::kNoSpace;
  }
  return std::any_of(grants->begin(), grants->end(), [&](const actors::PipelineGrant& grant) {
    return grant.targets.size() < request.replication;
  });
}

void add_missing(std::vector<NodeId>& nodes, const std::vector<NodeId>& more) {
  for (const auto node : more) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
}

}  // namespace

struct WriteSession::State {
  explicit State(NamenodeLink& namenode) : link(namenode) {}

  std::vector<metadata::BlockRange> open_ranges() const {
    const std::vector<BlockId> sorted(open.begin(), open.end());
    return ranges_of(sorted);
  }

  NamenodeLink& link;
  mutable std::mutex mutex;
  std::uint64_t session = 0;  // 0 until the first grant.
  std::chrono::milliseconds renew_interval{0};
  std::set<BlockId> open;  // Granted, not committed.
  std::vector<NodeId> excluded;
};

WriteSession::WriteSession(ClientContext& context)
    : context_(context), state_(std::make_shared<State>(context.link)) {}

WriteSession::~WriteSession() {
  actors::EndSession end;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->session == 0) return;
    end = {context_.link.client_id(), state_->session, state_->open_ranges()};
  }
  // Whoever failed waits until the space is given back (but not for a namenode that is gone, whose
  // sessions expire); whoever succeeded does not care.
  constexpr std::chrono::milliseconds kPatience{2000};
  if (end.abandoned.empty()) {
    context_.link.submit<actors::EndSession>(
        std::move(end), [](auto) {}, kPatience);
  } else {
    (void)context_.link.call(std::move(end), kPatience);
  }
}

actors::AllocateBlocks WriteSession::request_of(const BlockDemand& demand, bool with_slow) const {
  actors::AllocateBlocks request;
  request.client = context_.link.client_id();
  request.files = demand.files;
  request.pipelines = demand.pipelines;
  request.blocks_per_pipeline = demand.blocks_per_pipeline;
  request.block_size = demand.block_size;
  request.replication = demand.replication;
  request.writer_host = context_.host;
  {
    const std::lock_guard lock(state_->mutex);
    request.session = state_->session;
    request.excluded = state_->excluded;
  }
  add_missing(request.excluded, context_.health.failed());
  if (!with_slow) add_missing(request.excluded, context_.health.slow());
  return request;
}

Result<std::vector<actors::PipelineGrant>> WriteSession::accept(const std::shared_ptr<State>& state,
                                                                Result<actors::WriteGrant> grant) {
  if (!grant.ok()) return std::move(grant).error();
  bool first = false;
  {
    const std::lock_guard lock(state->mutex);
    first = std::exchange(state->session, grant->session) == 0;
    state->renew_interval =
        std::chrono::milliseconds(std::clamp(grant->renew_within_ms / 3, 50U, 60'000U));
    for (const auto& pipeline : grant->pipelines) {
      if (pipeline.targets.empty() || pipeline.blocks.empty()) {
        return Error{Errc::kProtocol, "the namenode granted a pipeline without nodes or blocks"};
      }
      state->open.insert(pipeline.blocks.begin(), pipeline.blocks.end());
    }
  }
  if (first) renew_later(state);
  return std::move(grant->pipelines);
}

Result<std::vector<actors::PipelineGrant>> WriteSession::allocate(const BlockDemand& demand) {
  const auto request = request_of(demand, false);
  auto all = request_of(demand, true);
  auto grants = accept(state_, context_.link.call(request));
  if (all.excluded.size() == request.excluded.size() || !falls_short(grants, all)) return grants;
  {
    const std::lock_guard lock(state_->mutex);
    all.session = state_->session;
  }
  return accept(state_, context_.link.call(std::move(all)));
}

void WriteSession::allocate(const BlockDemand& demand, GrantCallback callback) {
  auto request = request_of(demand, false);
  auto all = request_of(demand, true);
  const bool avoids = all.excluded.size() < request.excluded.size();
  context_.link.submit<actors::AllocateBlocks>(
      std::move(request), [state = state_, all = std::move(all), avoids,
                           callback = std::move(callback)](Result<actors::WriteGrant> grant) {
        auto grants = accept(state, std::move(grant));
        if (!avoids || !falls_short(grants, all)) return callback(std::move(grants));
        auto again = all;
        {
          const std::lock_guard lock(state->mutex);
          again.session = state->session;
        }
        state->link.submit<actors::AllocateBlocks>(
            std::move(again), [state, callback](Result<actors::WriteGrant> second) {
              callback(accept(state, std::move(second)));
            });
      });
}

void WriteSession::renew_later(const std::shared_ptr<State>& state) {
  std::chrono::milliseconds interval;
  {
    const std::lock_guard lock(state->mutex);
    interval = state->renew_interval;
  }
  // The timer does not keep the session alive: it ends when its owner destroys it.
  state->link.run_after(interval, [weak = std::weak_ptr(state)] {
    if (const auto alive = weak.lock()) renew(alive);
  });
}

void WriteSession::renew(const std::shared_ptr<State>& state) {
  actors::RenewSession request;
  {
    const std::lock_guard lock(state->mutex);
    request = {state->link.client_id(), state->session, state->open_ranges()};
  }
  // A renewal that fails for good shows in the commit; until then the next one may succeed.
  state->link.submit<actors::RenewSession>(std::move(request), [weak = std::weak_ptr(state)](auto) {
    if (const auto alive = weak.lock()) renew_later(alive);
  });
}

void WriteSession::exclude(NodeId node) {
  context_.health.note_failed(node);
  const std::lock_guard lock(state_->mutex);
  auto& excluded = state_->excluded;
  if (std::find(excluded.begin(), excluded.end(), node) == excluded.end()) {
    excluded.push_back(node);
  }
}

bool WriteSession::is_excluded(NodeId node) const {
  if (context_.health.has_failed(node)) return true;
  const std::lock_guard lock(state_->mutex);
  const auto& excluded = state_->excluded;
  return std::find(excluded.begin(), excluded.end(), node) != excluded.end();
}

bool WriteSession::excludes_any() const {
  if (!context_.health.failed().empty()) return true;
  const std::lock_guard lock(state_->mutex);
  return !state_->excluded.empty();
}

void WriteSession::forget_exclusions() {
  context_.health.forgive();
  const std::lock_guard lock(state_->mutex);
  state_->excluded.clear();
}

Result<std::vector<metadata::Outcome>> WriteSession::commit(
    std::vector<metadata::CommittedFile> files, std::vector<actors::WrittenBlock> written) {
  actors::CommitWrite request;
  request.change.time_ms = wall_clock_ms();
  request.change.files = std::move(files);
  request.written = std::move(written);
  {
    const std::lock_guard lock(state_->mutex);
    request.session = state_->session;
  }
  const std::size_t count = request.change.files.size();
  std::vector<std::vector<metadata::Block>> blocks;
  blocks.reserve(count);
  for (const auto& file : request.change.files) blocks.push_back(file.blocks);

  MDFS_TRY(auto reply, context_.link.call(std::move(request)));
  if (reply.outcomes.size() != count) {
    return Error{Errc::kProtocol, "the namenode answered a commit of " + std::to_string(count) +
                                      " files with " + std::to_string(reply.outcomes.size()) +
                                      " outcomes"};
  }
  const std::lock_guard lock(state_->mutex);
  for (std::size_t i = 0; i < count; ++i) {
    if (!reply.outcomes[i].ok()) continue;
    for (const auto& block : blocks[i]) state_->open.erase(block.id);
  }
  return std::move(reply.outcomes);
}

std::vector<metadata::BlockRange> ranges_of(std::span<const BlockId> sorted) {
  std::vector<metadata::BlockRange> ranges;
  for (const auto id : sorted) {
    if (!ranges.empty() && ranges.back().first.value + ranges.back().count == id.value) {
      ++ranges.back().count;
    } else {
      ranges.push_back({id, 1});
    }
  }
  return ranges;
}

}  // namespace minidfs::client
