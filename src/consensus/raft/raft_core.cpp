#include "consensus/raft/raft_core.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace minidfs::consensus {

RaftEffects RaftCore::step(const RaftEvent& event, TimePoint now) {
  now_ = now;
  effects_.clear();
  std::visit([this](const auto& each) { on(each); }, event);
  settle();
  return std::exchange(effects_, {});
}

// What follows from the state alone, whatever has led to it.
void RaftCore::settle() {
  count_votes();
  if (role_ == Role::kLeader) count_stored();
  announce();
  if (role_ == Role::kLeader) serve_reads();
  if (role_ == Role::kLeader) further_transfer();
  if (role_ == Role::kLeader) leave_when_removed();
}

// A leader without others has nobody to tell that it lives.
RaftCore::TimePoint RaftCore::wakes_at() const {
  if (role_ == Role::kLeader && progress_.empty()) return TimePoint::max();
  if (role_ != Role::kLeader) return may_campaign() ? election_at_ : TimePoint::max();
  return transfer_ ? std::min(heartbeat_at_, transfer_->until) : heartbeat_at_;
}

bool RaftCore::can_be_seeded(Position position) const {
  return role_ != Role::kLeader && position.index > committed_ && !log_.contains(position);
}

// --- Events of the owner ----------------------------------------------------------------------

// One that is alone need not wait for anybody.
void RaftCore::on(const Started& event) {
  hard_ = event.hard_state;
  log_.reset(event.before);
  for (const auto& entry : event.entries) log_.append(entry.term, entry.bytes);
  stored_ = log_.last_index();
  for (const auto& at : event.members) {
    if (at.index <= event.applied) {
      members_.reset(at);
    } else {
      members_.add(at);
    }
  }
  MDFS_ASSERT(event.applied >= event.before.index && event.applied <= stored_);
  applied_ = announced_ = event.applied;
  committed_ = std::max(applied_, std::min(event.committed, stored_));
  members_.settle(committed_);
  if (log_.last().term > hard_.term) store_hard_state({log_.last().term, 0});
  told_ = {role_, hard_.term, leader_};
  effects_.emplace_back(told_);
  await_leader();
  const bool alone = members().voters().size() == 1 && members().is_voter(options_.self);
  if (alone) campaign(false);
}

// An election that waits for this member's own disk would only be delayed by another one.
void RaftCore::on(const Tick&) {
  if (role_ == Role::kLeader) {
    if (now_ < heartbeat_at_) return;
    check_quorum();
    if (role_ != Role::kLeader) return;
    if (transfer_) transfer_->told = false;  // TimeoutNow may have been lost.
    begin_round();
  } else if (now_ >= election_at_ && may_campaign()) {
    if (written_ < hard_state_write_) return await_leader();
    ask_would_vote();
  }
}

void RaftCore::on(const Stored& event) {
  MDFS_ASSERT(event.write <= write_);
  written_ = std::max(written_, event.write);
  while (!writing_.empty() && writing_.front().write <= written_) {
    stored_ = std::max(stored_, writing_.front().last);
    writing_.pop_front();
  }
  const auto waiting = std::stable_partition(
      held_.begin(), held_.end(), [this](const Held& held) { return held.write <= written_; });
  for (auto held = held_.begin(); held != waiting; ++held) effects_.emplace_back(held->send);
  held_.erase(held_.begin(), waiting);
}

void RaftCore::on(const Applied& event) { applied_ = std::max(applied_, event.index); }

void RaftCore::on(const Trimmed& event) {
  MDFS_ASSERT(event.to <= applied_);
  log_.trim(event.to);
}

// Answers that wait for entries which are dropped must never leave.
void RaftCore::on(const Seeded& event) {
  MDFS_ASSERT(can_be_seeded(event.position) && written_ >= hard_state_write_);
  log_.reset(event.position);
  members_.reset({event.position.index, event.members});
  stored_ = committed_ = announced_ = applied_ = event.position.index;
  writing_.clear();
  held_.clear();
  written_ = write_;
  if (event.position.term > hard_.term) follow(event.position.term, 0);
  effects_.emplace_back(MembersChanged{{members_.latest_index(), members()}});
}

// --- Roles ------------------------------------------------------------------------------------

void RaftCore::follow(Term term, MemberId leader) {
  if (term > hard_.term) store_hard_state({term, 0});
  if (role_ == Role::kLeader) {
    refuse_reads();
    transfer_.reset();
    progress_.clear();
  }
  if (role_ != Role::kFollower) await_leader();
  role_ = Role::kFollower;
  leader_ = leader;
  tell_role();
}

void RaftCore::lead() {
  role_ = Role::kLeader;
  leader_ = options_.self;
  round_ = 0;
  own_first_ = log_.last_index() + 1;
  heartbeat_at_ = now_ + options_.heartbeat;
  tell_role();
  serve_members();
  append_own(EntryKind::kNoOp, {});
}

void RaftCore::tell_role() {
  const RoleChanged now{role_, hard_.term, leader_};
  if (now == told_) return;
  told_ = now;
  effects_.emplace_back(now);
}

// Of a removal the others still hear that it is committed.
void RaftCore::leave_when_removed() {
  if (members().is_voter(options_.self) || members_.latest_index() > committed_) return;
  begin_round();
  follow(hard_.term, 0);
}

// --- The disk ---------------------------------------------------------------------------------

void RaftCore::store_hard_state(HardState wanted) {
  if (wanted == hard_) return;
  if (wanted.term != hard_.term) held_.clear();  // Nobody needs answers of a term that is over.
  hard_ = wanted;
  hard_state_write_ = ++write_;
  effects_.emplace_back(StoreHardState{hard_, write_});
}

void RaftCore::store_entries(Index first) {
  writing_.push_back({++write_, log_.last_index()});
  effects_.emplace_back(StoreEntries{first, log_.last_index(), write_});
}

void RaftCore::cut(Index from) {
  MDFS_ASSERT(from > committed_);
  log_.cut(from);
  stored_ = std::min(stored_, from - 1);
  for (auto& writing : writing_) writing.last = std::min(writing.last, from - 1);
  effects_.emplace_back(CutLog{from, ++write_});
  if (members_.cut(from)) members_changed();
}

void RaftCore::send(MemberId to, const Message& message) {
  send_when_stored(to, message, hard_state_write_);
}

void RaftCore::send_when_stored(MemberId to, const Message& message, std::uint64_t write) {
  if (written_ >= write) {
    effects_.emplace_back(Send{to, message});
  } else {
    held_.push_back({write, {to, message}});
  }
}

void RaftCore::announce() {
  const auto index = std::min(committed_, stored_);
  if (index <= announced_) return;
  announced_ = index;
  effects_.emplace_back(Commit{index});
}

}  // namespace minidfs::consensus
