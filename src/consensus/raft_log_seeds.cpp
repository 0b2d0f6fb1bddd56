// The part of RaftLog that gives copies of the state, and takes them.
#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

// After a seed that failed the next one begins so much later.
constexpr std::chrono::seconds kSeedAgainAfter{2};

}  // namespace

// --- What members say of them -----------------------------------------------------------------

Status RaftLog::heard(MemberId from, const SeedBegin& begin, TimePoint) {
  receiver_->arrived(from, begin);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedPiece& piece, TimePoint) {
  receiver_->arrived(from, piece);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedEnd& end, TimePoint) {
  receiver_->arrived(from, end);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedAck& ack, TimePoint) {
  if (const auto* sent = sent_seed(from)) sent->sender->acknowledged(ack);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedDone& done, TimePoint) {
  if (const auto* sent = sent_seed(from)) sent->sender->done(done);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedResume& resume, TimePoint) {
  if (auto* sent = sent_seed(from)) {
    sent->sender->resume(resume);
    sent->paused_at.reset();
  }
  return {};
}

Status RaftLog::heard(MemberId from, const GiveSeed& wish, TimePoint) {
  const auto found = seeds_given_.find(wish.to);
  if (wish.give_up) {
    if (found != seeds_given_.end() && found->second.wanted_by == from &&
        found->second.request == wish.request) {
      found->second.sender->cancel();
    }
    return {};
  }
  if (from != member_->leader() || found != seeds_given_.end()) {
    send(from, SeedGiven{wish.request, false});
    return {};
  }
  auto& given = seeds_given_[wish.to];
  given.request = wish.request;
  given.wanted_by = from;
  given.sender = new_sender(wish.to, wish.bytes_per_second);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedGiven& said, TimePoint) {
  for (auto& [member, given] : seeds_given_) {
    if (given.giver == from && given.request == said.request) given.outcome = said.installed;
  }
  return {};
}

// What is given to the peer, and what it gives. A seed that another member gives to it goes on.
void RaftLog::pause_seeds(MemberId peer, TimePoint now) {
  if (receiver_) receiver_->disconnected(peer, now);
  auto* sent = sent_seed(peer);
  if (sent == nullptr) return;
  sent->sender->pause();
  if (!sent->paused_at) sent->paused_at = now;
}

// The one that this member itself sends there; null: none.
RaftLog::GivenSeed* RaftLog::sent_seed(MemberId to) {
  const auto found = seeds_given_.find(to);
  return found != seeds_given_.end() && found->second.sender ? &found->second : nullptr;
}

// --- Giving them ------------------------------------------------------------------------------

Status RaftLog::further_seeds(TimePoint now) {
  if (receiver_) MDFS_CHECK(receiver_->further(now));
  for (auto at = seeds_given_.begin(); at != seeds_given_.end();) {
    const auto member = at->first;
    const auto outcome = outcome_of(member, at->second, now);
    if (!outcome) {
      ++at;
      continue;
    }
    const auto given = std::move(at->second);
    at = seeds_given_.erase(at);
    if (given.wanted_by != 0) {
      send(given.wanted_by, SeedGiven{given.request, *outcome});
    } else {
      MDFS_CHECK(seed_given(member, *outcome, given.giver != 0, now));
    }
  }
  for (const auto member : member_->take_seeds()) {
    const auto waits = seeds_wait_.extract(member);
    seeds_due_.try_emplace(member, waits.empty() ? now : waits.mapped());
  }
  begin_seeds(now);
  bound_seeds();
  return member_->end_turn(now);
}

// Whether it was installed, once it has ended.
std::optional<bool> RaftLog::outcome_of(MemberId member, GivenSeed& given, TimePoint now) {
  const bool still_wanted =
      given.wanted_by == 0 ? member_->leads() : member_->leader() == given.wanted_by;
  if (!given.sender) {
    if (!still_wanted) give_up_seed(member, given);
    const bool gone = !still_wanted || !peers_.contains(given.giver);
    return gone && !given.outcome ? false : given.outcome;
  }
  const bool gone = given.paused_at && now - *given.paused_at > kSeedResumedWithin;
  if (!still_wanted || gone) given.sender->cancel();
  if (const auto number = given.sender->number()) {
    auto begin = member_->seed_at(*number);
    begin ? given.sender->start(std::move(*begin)) : given.sender->cancel();
  }
  return given.sender->outcome();
}

void RaftLog::give_up_seed(MemberId member, GivenSeed& given) {
  if (given.sender) return given.sender->cancel();
  send(given.giver, GiveSeed{given.request, member, 0, true});
}

Status RaftLog::seed_given(MemberId member, bool installed, bool by_other, TimePoint now) {
  if (installed) {
    member_->loosen_pin(member);
    hurried_.erase(member);
    by_leader_.erase(member);
  } else {
    member_->unpin(member);
    seeds_wait_[member] = now + kSeedAgainAfter;
    if (by_other) by_leader_.insert(member);
  }
  return member_->seed_ended(member, installed, now);
}

void RaftLog::begin_seeds(TimePoint now) {
  if (!member_->leads()) {
    hurried_.clear();
    by_leader_.clear();
    return seeds_due_.clear();
  }
  for (auto at = seeds_due_.begin(); at != seeds_due_.end();) {
    const auto member = at->first;
    if (now < at->second || seeds_given_.contains(member)) {
      ++at;
      continue;
    }
    at = seeds_due_.erase(at);
    begin_seed(member, now);
  }
}

// The log is kept from before the copy begins, which cannot be older than what is durable. Another
// one's copy is not older either: that member's state holds at least what this log has dropped.
void RaftLog::begin_seed(MemberId member, TimePoint now) {
  const auto rate = hurried_.contains(member) ? 0 : options_.seed_bytes_per_second;
  member_->pin(member, member_->first());
  auto& given = seeds_given_[member];
  given.kept_before = kept_for_seeds();
  given.kept_max = std::min(options_.seed_kept_bytes_max, free_space_.bytes() / 2);
  given.giver = seed_giver(member, now);
  if (given.giver == 0) {
    given.sender = new_sender(member, rate);
    return;
  }
  given.request = random_128().low;
  log_info("namenode", "member {}: is given a copy of the state by member {}", hex_64(member),
           hex_64(given.giver));
  send(given.giver, GiveSeed{given.request, member, rate, false});
}

std::unique_ptr<SeedSender> RaftLog::new_sender(MemberId to, std::uint64_t bytes_per_second) {
  SeedSender::Options options;
  options.to = to;
  options.bytes_per_second = bytes_per_second;
  options.send = to_peers();
  options.changed = [this] { notice(); };
  return std::make_unique<SeedSender>(state_, std::move(options));
}

// Another voter, so that the leader need not: 0 when there is none, or the one before could not.
MemberId RaftLog::seed_giver(MemberId member, TimePoint now) const {
  MemberId best = 0;
  Index applied = 0;
  if (by_leader_.contains(member)) return best;
  for (const auto& [id, follower] : member_->progress()) {
    if (id == member || !is_live_voter(id, now) || !peers_.contains(id)) continue;
    if (follower.state != FollowerProgress::State::kStreaming) continue;
    if (follower.applied < member_->first() || follower.applied <= applied) continue;
    best = id;
    applied = follower.applied;
  }
  return best;
}

// On the disk, of what is dropped when nothing keeps it.
std::uint64_t RaftLog::kept_for_seeds() const {
  return member_->log_bytes() + state_.bytes_kept_for_copies();
}

// A copy that has kept too much is begun again, as fast as it goes; and if that is not fast enough,
// changes wait for it: a cluster that never becomes whole again would be worse.
void RaftLog::bound_seeds() {
  holds_back_ = false;
  for (auto& [member, given] : seeds_given_) {
    if (given.wanted_by != 0) continue;
    const auto kept = kept_for_seeds();
    if (kept <= given.kept_before || kept - given.kept_before <= given.kept_max) continue;
    if (!hurried_.insert(member).second) {
      holds_back_ = true;
      continue;
    }
    log_warn("namenode",
             "member {}: while it is given a copy of the state {} MiB of changes had to be kept: "
             "the copy begins again, without a bound on its rate",
             hex_64(member), (kept - given.kept_before) >> 20U);
    give_up_seed(member, given);
  }
}

}  // namespace minidfs::consensus
