#include <algorithm>
#include <utility>

#include "consensus/raft/raft_core.hpp"

namespace minidfs::consensus {

bool RaftCore::is_reachable(MemberId id) const {
  const auto found = progress_.find(id);
  return found != progress_.end() && now_ - found->second.heard_at < options_.election_max;
}

// All that it lacks is on its way to it (4.2.1).
bool RaftCore::is_caught_up(MemberId id) const {
  const auto found = progress_.find(id);
  if (found == progress_.end()) return false;
  const auto& follower = found->second;
  return follower.state == FollowerProgress::State::kStreaming && follower.next > log_.last_index();
}

// --- Members ----------------------------------------------------------------------------------

void RaftCore::on(const MembersAsked& event) {
  const bool same = event.other_facts && event.members == members();
  if (const auto why = same ? refusal_of_any() : refusal_of(event.members)) {
    effects_.emplace_back(ChangeRefused{*why});
  } else {
    append_own(EntryKind::kMembers, event.members);
  }
}

std::optional<Refusal> RaftCore::refusal_of_any() const {
  if (role_ != Role::kLeader) return Refusal::kNotLeader;
  if (transfer_) return Refusal::kTransferring;
  if (committed_ < own_first_) return Refusal::kNotReady;
  if (members_.latest_index() > committed_) return Refusal::kChangePending;
  return std::nullopt;
}

// A change that could not be committed cannot be taken back either: those who are to decide are
// there.
std::optional<Refusal> RaftCore::refusal_of(const MemberSet& after) const {
  if (const auto why = refusal_of_any()) return why;
  if (const auto why = refusal_of_change(members(), after)) return why;
  std::size_t reachable = 0;
  for (const auto id : after.voters()) {
    const bool here = id == options_.self || is_reachable(id);
    if (here) ++reachable;
    if (members().is_voter(id)) continue;
    if (!here) return Refusal::kNotReachable;
    if (!is_caught_up(id)) return Refusal::kNotCaughtUp;
  }
  if (reachable < after.quorum()) return Refusal::kNotReachable;
  return std::nullopt;
}

std::optional<MemberSet> RaftCore::promotion() const {
  if (role_ != Role::kLeader || members().learners().empty()) return std::nullopt;
  auto wanted = members().promoted(members().learners().front());
  if (refusal_of(wanted)) return std::nullopt;
  return wanted;
}

void RaftCore::members_changed() {
  effects_.emplace_back(MembersChanged{{members_.latest_index(), members()}});
  if (role_ == Role::kLeader) serve_members();
}

// From the entry on that makes them such.
void RaftCore::serve_members() {
  std::erase_if(progress_, [this](const auto& each) { return !members().contains(each.first); });
  const auto serve = [this](MemberId id) {
    if (id == options_.self) return;
    const auto [at, added] = progress_.try_emplace(id);
    if (!added) return;
    at->second.probe(log_.last_index() + 1);
    at->second.heard_at = now_;
  };
  for (const auto id : members().voters()) serve(id);
  for (const auto id : members().learners()) serve(id);
}

// --- Handing leadership over (3.10) -----------------------------------------------------------

void RaftCore::on(const TransferAsked& event) {
  if (transfer_) return;  // Answered with the one before.
  if (role_ != Role::kLeader) return end_transfer(Refusal::kNotLeader);
  const auto to = event.to != 0 ? event.to : best_successor();
  if (to == 0) return end_transfer(Refusal::kNotReachable);
  if (to == options_.self || !members().is_voter(to)) return end_transfer(Refusal::kNoSuchMember);
  if (!is_reachable(to)) return end_transfer(Refusal::kNotReachable);
  transfer_ = {to, now_ + options_.election_max};
}

MemberId RaftCore::best_successor() const {
  MemberId best = 0;
  for (const auto& [id, follower] : progress_) {
    if (!members().is_voter(id) || !is_reachable(id)) continue;
    if (best == 0 || follower.matched > progress_.at(best).matched) best = id;
  }
  return best;
}

// Nothing new is taken meanwhile, so that the successor gets all that there is.
void RaftCore::further_transfer() {
  if (!transfer_) return;
  if (now_ >= transfer_->until) return end_transfer(Refusal::kTimedOut);
  if (transfer_->told || progress_.at(transfer_->to).matched < log_.last_index()) return;
  transfer_->told = true;
  send(transfer_->to, {hard_.term, TimeoutNow{}});
}

void RaftCore::end_transfer(Refusal why) {
  transfer_.reset();
  effects_.emplace_back(TransferEnded{why});
}

}  // namespace minidfs::consensus
