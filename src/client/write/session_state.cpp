#include "client/write/session_state.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace minidfs::client {

std::shared_ptr<SessionState> SessionState::begin(ClientContext& context) {
  std::shared_ptr<SessionState> state(new SessionState(context.link));
  auto& sessions = context.sessions;
  const std::lock_guard lock(sessions.mutex);
  std::erase_if(sessions.states, [](const auto& other) { return other.expired(); });
  sessions.states.push_back(state);
  if (sessions.closed) state->cancel();
  return state;
}

std::uint64_t SessionState::id() const {
  const std::lock_guard lock(mutex_);
  return id_;
}

Status SessionState::alive() const {
  const std::lock_guard lock(mutex_);
  return over_ ? Status(*over_) : Status();
}

void SessionState::cancel() {
  const std::lock_guard lock(mutex_);
  over_ = Error{Errc::kCancelled, "given up"};
}

Result<std::vector<actors::PipelineGrant>> SessionState::enter(Result<actors::WriteGrant> grant) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!grant.ok() && grant.error().code == Errc::kExpired) over_ = grant.error();
    if (over_) return *over_;
    if (!grant.ok()) return std::move(grant).error();
    first = std::exchange(id_, grant->session) == 0;
    renew_interval_ =
        std::chrono::milliseconds(std::clamp(grant->renew_within_ms / 3, 50U, 60'000U));
    if (grant->pipelines.empty()) {
      return Error{Errc::kProtocol, "the namenode granted no pipeline"};
    }
    for (const auto& pipeline : grant->pipelines) {
      if (pipeline.targets.empty() || pipeline.blocks.empty()) {
        return Error{Errc::kProtocol, "the namenode granted a pipeline without nodes or blocks"};
      }
      open_.insert(pipeline.blocks.begin(), pipeline.blocks.end());
    }
  }
  if (first) renew_later();
  return std::move(grant->pipelines);
}

void SessionState::note_staged(std::span<const metadata::BlockRange> blocks) {
  const std::lock_guard lock(mutex_);
  staged_ = true;
  for (const auto& range : blocks) {
    const auto first = open_.lower_bound(range.first);
    open_.erase(first, open_.lower_bound(BlockId{range.first.value + range.count}));
  }
}

void SessionState::note_committed(std::span<const BlockId> blocks, bool staged) {
  const std::lock_guard lock(mutex_);
  if (staged) staged_ = false;
  for (const auto block : blocks) open_.erase(block);
}

void SessionState::renew_later() {
  std::chrono::milliseconds interval;
  {
    const std::lock_guard lock(mutex_);
    interval = renew_interval_;
  }
  // The timer does not keep the session alive: it ends when its owner destroys it.
  link_.run_after(interval, [weak = weak_from_this()] {
    if (const auto state = weak.lock()) state->renew();
  });
}

void SessionState::renew() {
  actors::RenewSession request;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || over_) return;
    request = {link_.client_id(), id_, open_ranges()};
  }
  // A session that has expired is never revived: what it protected may be gone. After any other
  // failure the next renewal may succeed.
  link_.submit<actors::RenewSession>(
      std::move(request), [weak = weak_from_this()](const auto& renewed) {
        const auto state = weak.lock();
        if (!state) return;
        if (!renewed.ok() && renewed.error().code == Errc::kExpired) {
          const std::lock_guard lock(state->mutex_);
          state->over_ = renewed.error();
          return;
        }
        state->renew_later();
      });
}

std::optional<SessionState::End> SessionState::take_end() {
  const std::lock_guard lock(mutex_);
  if (id_ == 0 || std::exchange(ended_, true)) return {};
  return End{{link_.client_id(), id_, open_ranges()}, staged_ || !open_.empty()};
}

std::vector<metadata::BlockRange> SessionState::open_ranges() const {
  const std::vector<BlockId> sorted(open_.begin(), open_.end());
  return ranges_of(sorted);
}

void SessionState::end() {
  const auto promise = std::make_shared<std::promise<void>>();
  end([promise] { promise->set_value(); });
  promise->get_future().get();
}

void SessionState::end(const std::function<void()>& ended) {
  constexpr std::chrono::milliseconds kPatience{2000};
  auto end = take_end();
  const bool waits = end && end->gives_up && ended;
  if (end) {
    link_.submit<actors::EndSession>(
        std::move(end->request),
        [then = waits ? ended : nullptr](const auto&) {
          if (then) then();
        },
        kPatience);
  }
  if (!waits && ended) ended();
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
    state->cancel();
    if (!end) continue;
    auto answered = std::make_shared<std::promise<void>>();
    answers.push_back(answered->get_future());
    context.link.submit<actors::EndSession>(
        std::move(end->request), [answered](auto) { answered->set_value(); }, within);
  }
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (const auto& answer : answers) (void)answer.wait_until(deadline);
}

std::vector<metadata::BlockRange> ranges_of(std::span<const BlockId> blocks) {
  std::vector<metadata::BlockRange> ranges;
  for (const auto id : blocks) {
    if (!ranges.empty() && ranges.back().first.value + ranges.back().count == id.value) {
      ++ranges.back().count;
    } else {
      ranges.push_back({id, 1});
    }
  }
  return ranges;
}

}  // namespace minidfs::client
