#include "client/write/write_session.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
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

struct SessionState {
  explicit SessionState(NamenodeLink& namenode) : link(namenode) {}

  // Once; none when there is nothing to end, or it was ended already.
  std::optional<actors::EndSession> take_end() {
    const std::lock_guard lock(mutex);
    if (session == 0 || std::exchange(ended, true)) return {};
    return actors::EndSession{link.client_id(), session, open_ranges()};
  }

  std::vector<metadata::BlockRange> open_ranges() const {
    const std::vector<BlockId> sorted(open.begin(), open.end());
    return ranges_of(sorted);
  }

  NamenodeLink& link;
  mutable std::mutex mutex;
  std::uint64_t session = 0;  // 0 until the first grant.
  std::chrono::milliseconds renew_interval{0};
  bool ended = false;
  std::optional<Error> expired;  // What the namenode said of a session that is over.
  std::set<BlockId> open;        // Granted, not committed.
  std::vector<NodeId> excluded;
};

WriteSession::WriteSession(ClientContext& context)
    : context_(context), state_(std::make_shared<State>(context.link)) {
  auto& sessions = context_.sessions;
  const std::lock_guard lock(sessions.mutex);
  std::erase_if(sessions.states, [](const auto& state) { return state.expired(); });
  sessions.states.push_back(state_);
  if (sessions.closed) state_->expired = Error{Errc::kCancelled, "given up"};
}

WriteSession::~WriteSession() {
  auto end = state_->take_end();
  if (!end) return;
  // Whoever failed waits until the space is given back (but not for a namenode that is gone, whose
  // sessions expire); whoever succeeded does not care.
  constexpr std::chrono::milliseconds kPatience{2000};
  if (end->abandoned.empty()) {
    context_.link.submit<actors::EndSession>(
        std::move(*end), [](auto) {}, kPatience);
  } else {
    (void)context_.link.call(std::move(*end), kPatience);
  }
}

void end_all_sessions(ClientContext& context, std::chrono::milliseconds within) {
  std::vector<std::weak_ptr<SessionState>> states;
  {
    const std::lock_guard lock(context.sessions.mutex);
    context.sessions.closed = true;
    states.swap(context.sessions.states);
  }
  std::vector<std::future<void>> answers;
  for (const auto& weak : states) {
    const auto state = weak.lock();
    if (!state) continue;
    auto end = state->take_end();
    {
      const std::lock_guard lock(state->mutex);
      state->expired = Error{Errc::kCancelled, "given up"};
    }
    if (!end) continue;
    auto answered = std::make_shared<std::promise<void>>();
    answers.push_back(answered->get_future());
    context.link.submit<actors::EndSession>(
        std::move(*end), [answered](auto) { answered->set_value(); }, within);
  }
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (const auto& answer : answers) (void)answer.wait_until(deadline);
}

Status WriteSession::alive() const {
  const std::lock_guard lock(state_->mutex);
  return state_->expired ? Status(*state_->expired) : Status();
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
  bool first = false;
  {
    const std::lock_guard lock(state->mutex);
    if (!grant.ok() && grant.error().code == Errc::kExpired) state->expired = grant.error();
    if (state->expired) return *state->expired;
    if (!grant.ok()) return std::move(grant).error();
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
  MDFS_CHECK(alive());
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
    if (state->ended || state->expired) return;
    request = {state->link.client_id(), state->session, state->open_ranges()};
  }
  // A session that has expired is never revived: what it protected may be gone. After any other
  // failure the next renewal may succeed.
  state->link.submit<actors::RenewSession>(
      std::move(request), [weak = std::weak_ptr(state)](const auto& renewed) {
        const auto alive = weak.lock();
        if (!alive) return;
        if (!renewed.ok() && renewed.error().code == Errc::kExpired) {
          const std::lock_guard lock(alive->mutex);
          alive->expired = renewed.error();
          return;
        }
        renew_later(alive);
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

Status WriteSession::stage(actors::StageWrite request) {
  MDFS_CHECK(alive());
  request.change.client = context_.link.client_id();
  {
    const std::lock_guard lock(state_->mutex);
    request.change.session = state_->session;
  }
  const auto blocks = request.change.blocks;
  MDFS_TRY(const auto reply, context_.link.call(std::move(request)));
  if (reply.outcomes.size() != 1) {
    return Error{Errc::kProtocol, "the namenode answered one part of a file with " +
                                      std::to_string(reply.outcomes.size()) + " outcomes"};
  }
  MDFS_CHECK(metadata::to_result(reply.outcomes.front()));
  const std::lock_guard lock(state_->mutex);
  for (const auto& range : blocks) {
    const auto first = state_->open.lower_bound(range.first);
    state_->open.erase(first, state_->open.lower_bound(BlockId{range.first.value + range.count}));
  }
  return {};
}

Result<std::vector<metadata::Outcome>> WriteSession::commit(
    std::vector<metadata::CommittedFile> files, std::vector<actors::WrittenBlock> written,
    std::uint64_t staged) {
  MDFS_CHECK(alive());
  actors::CommitWrite request;
  request.client = context_.link.client_id();
  request.staged = staged;
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
