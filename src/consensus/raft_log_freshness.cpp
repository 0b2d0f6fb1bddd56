// How old the state may be, as reads that need not see the last change want to know.
#include <utility>

#include "consensus/raft_log.hpp"

namespace minidfs::consensus {

std::optional<std::chrono::milliseconds> RaftLog::staleness() const {
  if (lane_->failed()) return std::nullopt;
  if (member_->leads_alone()) return std::chrono::milliseconds(0);
  const auto applied = lane_->applied();
  const std::lock_guard lock(mutex_);
  const auto as_of = freshness_.as_of(applied);
  if (!as_of) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(BootClock::now() - *as_of);
}

// One that leads asks itself: it may be the last one to learn that it leads no more.
void RaftLog::ask_how_fresh() {
  const auto leader = member_->leads() ? self_ : member_->leader();
  if (leader == 0 || member_->leads_alone()) return;
  std::optional<std::uint64_t> number;
  {
    const std::lock_guard lock(mutex_);
    number = freshness_.ask(member_->term(), BootClock::now());
  }
  if (!number) return;
  if (leader != self_) return send(leader, AskCommitted{*number});
  when_committed([this, number = *number](Index index) { note_fresh({number, index}); });
}

// `then` may be called on another thread, or never.
void RaftLog::when_committed(std::function<void(Index)> then) {
  const std::lock_guard lock(mutex_);
  reads_asked_.push_back([then = std::move(then)](const ReadAnswer& answer) {
    if (answer.index.ok()) then(*answer.index);
  });
}

void RaftLog::note_fresh(const Committed& answer) {
  const auto applied = lane_->applied();
  const std::lock_guard lock(mutex_);
  freshness_.answered(answer.number, answer.index, applied);
}

Status RaftLog::heard(MemberId from, const AskCommitted& question, TimePoint) {
  if (!member_->leads() || is_removed(from)) return {};
  when_committed([link = options_.link, from, number = question.number](Index index) {
    link->send(from, encode_peer_message(Committed{number, index}));
  });
  return {};
}

Status RaftLog::heard(MemberId, const Committed& answer, TimePoint) {
  note_fresh(answer);
  return {};
}

}  // namespace minidfs::consensus
