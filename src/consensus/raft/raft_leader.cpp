#include <algorithm>
#include <utility>

#include "consensus/raft/raft_core.hpp"

namespace minidfs::consensus {

// --- Entries ----------------------------------------------------------------------------------

void RaftCore::on(const Proposed& event) {
  if (role_ != Role::kLeader || transfer_) {
    const auto why = transfer_ ? Refusal::kTransferring : Refusal::kNotLeader;
    effects_.emplace_back(ProposalRefused{why});
    return;
  }
  const auto first = log_.last_index() + 1;
  for (const auto bytes : event.bytes) log_.append(hard_.term, bytes);
  store_entries(first);
  send_entries();
}

void RaftCore::append_own(EntryKind kind, MemberSet members) {
  const Position position{hard_.term, log_.last_index() + 1};
  log_.append(position.term, 0);
  effects_.emplace_back(NewEntry{position, kind, members});
  store_entries(position.index);
  if (kind == EntryKind::kMembers) {
    members_.add({position.index, std::move(members)});
    members_changed();
  }
  send_entries();
}

// A majority has them, this member only as far as its own disk does; and those of former terms with
// one of this term only, as another leader might still replace them (3.6.2).
void RaftCore::count_stored() {
  const auto index = reached_by_majority(members(), [this](MemberId id) {
    return id == options_.self ? stored_ : progress_.at(id).matched;
  });
  if (index <= committed_ || log_.term_at(index) != hard_.term) return;
  committed_ = index;
  members_.settle(committed_);
}

// --- Followers --------------------------------------------------------------------------------

void RaftCore::send_entries() {
  for (auto& [id, follower] : progress_) send_entries(id, follower);
}

void RaftCore::send_entries(MemberId to, FollowerProgress& follower) {
  using State = FollowerProgress::State;
  while (follower.state != State::kSeeding) {
    const bool probing = follower.state == State::kProbing;
    if (probing && follower.probed) return;
    if (follower.next < log_.first_index()) {
      if (is_reachable(to)) seed(to, follower);
      return;
    }
    const auto range = log_.range_from(follower.next, options_.message_bytes_max);
    if (!probing) {
      if (range.last < follower.next) return;
      if (!follower.inflights.fits(range.bytes, options_.inflight_bytes_max)) return;
      follower.inflights.add(range.last, range.bytes);
    }
    const Position prev{*log_.term_at(follower.next - 1), follower.next - 1};
    send(to, {hard_.term, Append{prev, range.last, committed_, round_}});
    if (probing) {
      follower.probed = true;
    } else {
      follower.next = range.last + 1;
    }
  }
}

// After what was sent last, so that the answer tells when that was lost.
void RaftCore::send_sign_of_life(MemberId to, FollowerProgress& follower) {
  follower.asked = round_;
  follower.asked_at = now_;
  Position prev;
  const auto term = log_.term_at(follower.next - 1);
  if (term && follower.state != FollowerProgress::State::kSeeding) {
    prev = {*term, follower.next - 1};
  }
  send(to, {hard_.term, Append{prev, prev.index, committed_, round_}});
}

void RaftCore::seed(MemberId to, FollowerProgress& follower) {
  follower.state = FollowerProgress::State::kSeeding;
  follower.inflights.clear();
  effects_.emplace_back(Seed{to});
}

void RaftCore::on(const SeedEnded& event) {
  const auto found = progress_.find(event.member);
  if (found == progress_.end()) return;
  auto& follower = found->second;
  if (event.installed) follower.heard_at = now_;
  if (follower.state != FollowerProgress::State::kSeeding) return;
  follower.probe(log_.last_index() + 1);
  send_entries(event.member, follower);
}

void RaftCore::on(MemberId from, Term, const AppendReply& reply) {
  const auto found = progress_.find(from);
  if (found == progress_.end()) return;
  auto& follower = found->second;
  const auto last = log_.last_index();
  if (reply.matched > last || reply.applied > last || reply.round > round_) return;  // Cannot be.
  follower.heard_at = now_;
  if (reply.round == follower.asked && follower.round < reply.round) {
    follower.answers_in = now_ - follower.asked_at;
  }
  follower.round = std::max(follower.round, reply.round);
  follower.applied = std::max(follower.applied, reply.applied);
  follower.disk = reply.disk;
  if (reply.accepted) {
    on_accepted(reply, follower);
  } else {
    on_refused(reply, from, follower);
  }
  send_entries(from, follower);
}

void RaftCore::on_accepted(const AppendReply& reply, FollowerProgress& follower) {
  using State = FollowerProgress::State;
  follower.matched = std::max(follower.matched, reply.matched);
  follower.next = std::max(follower.next, follower.matched + 1);
  follower.inflights.free_up_to(follower.matched);
  const bool seeded = follower.state == State::kSeeding && follower.matched >= log_.before().index;
  if (seeded || follower.state == State::kProbing) follower.stream();
}

// Answers to what was sent before it was known that something is missing say nothing new.
void RaftCore::on_refused(const AppendReply& reply, MemberId from, FollowerProgress& follower) {
  using State = FollowerProgress::State;
  if (follower.state == State::kSeeding || reply.refused <= follower.matched) return;
  if (follower.state == State::kProbing && reply.refused != follower.next - 1) return;
  const Position most{reply.hint.term, std::min(reply.hint.index, reply.refused - 1)};
  if (most.index < log_.before().index) return seed(from, follower);
  follower.probe(std::max(follower.matched, log_.last_not_above(most).index) + 1);
}

// --- Rounds -----------------------------------------------------------------------------------

void RaftCore::begin_round() {
  ++round_;
  heartbeat_at_ = now_ + options_.heartbeat;
  for (auto& [id, follower] : progress_) send_sign_of_life(id, follower);
}

// When one of those who are asked has just died, the next heartbeat asks all; from then on it is
// not among the quickest.
void RaftCore::begin_read_round() {
  ++round_;
  for (const auto id : quickest_majority()) send_sign_of_life(id, progress_.at(id));
}

// As many of the other voters as make a majority with this one: of those that have answered all
// that they were asked. All of the others when these are too few.
std::vector<MemberId> RaftCore::quickest_majority() const {
  const auto needed = members().quorum() - (members().is_voter(options_.self) ? 1 : 0);
  std::vector<MemberId> others;
  std::vector<std::pair<std::chrono::steady_clock::duration, MemberId>> quick;
  for (const auto& [id, follower] : progress_) {
    if (!members().is_voter(id)) continue;
    others.push_back(id);
    if (follower.answered_all()) quick.emplace_back(follower.answers_in, id);
  }
  if (quick.size() < needed) return others;
  std::sort(quick.begin(), quick.end());
  others.clear();
  for (std::size_t i = 0; i < needed; ++i) others.push_back(quick[i].second);
  return others;
}

void RaftCore::check_quorum() {
  const auto voters = members().voters();
  const auto heard = std::count_if(voters.begin(), voters.end(), [this](MemberId id) {
    return id == options_.self || is_reachable(id);
  });
  if (static_cast<std::size_t>(heard) < members().quorum()) follow(hard_.term, 0);
}

void RaftCore::on(const ReadAsked& event) {
  if (role_ == Role::kLeader) {
    reads_.add(event.read);
  } else {
    effects_.emplace_back(ReadRefused{{event.read}});
  }
}

// Until an entry of its own is committed a leader does not know all that is (6.4).
void RaftCore::serve_reads() {
  if (committed_ < own_first_) return;
  while (!reads_.empty()) {
    const auto answered = reached_by_majority(members(), [this](MemberId id) {
      return id == options_.self ? round_ : progress_.at(id).round;
    });
    if (auto confirmed = reads_.confirm(answered)) {
      effects_.emplace_back(ReadConfirmed{std::move(confirmed->reads), confirmed->index});
    }
    if (!reads_.wants_round()) return;
    reads_.begin(round_ + 1, committed_);
    begin_read_round();
  }
}

void RaftCore::refuse_reads() {
  if (!reads_.empty()) effects_.emplace_back(ReadRefused{reads_.take_all()});
}

}  // namespace minidfs::consensus
