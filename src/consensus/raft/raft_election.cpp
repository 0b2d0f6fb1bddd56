#include <algorithm>

#include "consensus/raft/raft_core.hpp"

namespace minidfs::consensus {

// One that is removed may be the only one who has that entry, which then needs it as a leader:
// until it is committed it goes on, without a vote (4.2.2).
bool RaftCore::may_campaign() const { return members_.may_be_voter(options_.self); }

// A leader steps down by itself when it has lost its majority.
bool RaftCore::hears_a_leader() const {
  if (role_ == Role::kLeader) return true;
  return leader_ != 0 && leader_heard_at_ && now_ - *leader_heard_at_ < options_.election_min;
}

void RaftCore::await_leader() {
  using std::chrono::microseconds;
  const auto spread =
      std::chrono::duration_cast<microseconds>(options_.election_max - options_.election_min);
  const auto more = random_() % (static_cast<std::uint64_t>(spread.count()) + 1);
  election_at_ = now_ + options_.election_min + microseconds(more);
}

void RaftCore::ask_would_vote() {
  role_ = Role::kPreCandidate;
  leader_ = 0;
  votes_.reset();
  votes_.add(options_.self, true);
  await_leader();
  tell_role();
  ask_voters({hard_.term + 1, PreVote{log_.last()}}, 0);
}

// The questions wait for the disk as answers do: a candidate that forgot its term could ask for it
// twice, and with another log.
void RaftCore::campaign(bool transfer) {
  role_ = Role::kCandidate;
  leader_ = 0;
  store_hard_state({hard_.term + 1, options_.self});
  votes_.reset();
  await_leader();
  tell_role();
  ask_voters({hard_.term, Vote{log_.last(), transfer}}, hard_state_write_);
}

void RaftCore::ask_voters(const Message& message, std::uint64_t write) {
  for (const auto voter : members().voters()) {
    if (voter != options_.self) send_when_stored(voter, message, write);
  }
}

// Its own vote counts as that of others does: when it is durable.
void RaftCore::count_votes() {
  if (role_ == Role::kPreCandidate) {
    if (votes_.won(members())) {
      campaign(false);
    } else if (votes_.lost(members())) {
      follow(hard_.term, 0);
    }
  }
  if (role_ == Role::kCandidate) {
    if (written_ >= hard_state_write_) votes_.add(options_.self, true);
    if (votes_.won(members())) {
      lead();
    } else if (votes_.lost(members())) {
      follow(hard_.term, 0);
    }
  }
}

void RaftCore::on(MemberId from, Term term, const PreVote& asked) {
  const bool granted = term > hard_.term && !hears_a_leader() && asked.last >= log_.last();
  send(from, {granted ? term : hard_.term, PreVoteReply{granted}});
}

void RaftCore::on(MemberId from, Term term, const PreVoteReply& reply) {
  if (role_ != Role::kPreCandidate) return;
  if (reply.granted && term != hard_.term + 1) return;  // Of a question before.
  votes_.add(from, reply.granted);
}

// One vote in a term (3.4), and to nobody whose log is older (3.6.1).
void RaftCore::on(MemberId from, Term, const Vote& asked) {
  const bool free = hard_.vote == from || (hard_.vote == 0 && leader_ == 0);
  const bool granted = free && asked.last >= log_.last();
  if (granted) {
    store_hard_state({hard_.term, from});
    if (leader_ == 0) follow(hard_.term, 0);
    await_leader();
  }
  send(from, {hard_.term, VoteReply{granted}});
}

void RaftCore::on(MemberId from, Term, const VoteReply& reply) {
  if (role_ == Role::kCandidate) votes_.add(from, reply.granted);
}

void RaftCore::on(MemberId from, Term, const TimeoutNow&) {
  if (role_ == Role::kFollower && from == leader_ && may_campaign()) campaign(true);
}

}  // namespace minidfs::consensus
