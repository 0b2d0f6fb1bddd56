#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "consensus/disk_condition.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

// After a hand-over, or one that failed: how quick disks are changes from moment to moment.
constexpr std::chrono::seconds kSlowDiskJudgedAgainAfter{30};

Error not_leader() { return Error{Errc::kNotLeader, "this namenode is not the leader"}; }

}  // namespace

// --- Who leads --------------------------------------------------------------------------------

void RaftLog::add_role_sink(RoleSink sink) {
  {
    const std::lock_guard lock(mutex_);
    role_sinks_.push_back(std::move(sink));
  }
  notice();
}

Leading RaftLog::leading() const {
  const auto term = member_->term();
  if (failure_) return {Standing::kNobody, term, {}};
  if (member_->leads()) return {Standing::kLeader, term, member_->roster().address_of(self_)};
  const auto leader = member_->leader();
  if (leader == 0) return {Standing::kNobody, term, {}};
  return {Standing::kFollower, term, member_->roster().address_of(leader)};
}

// What asks and what is told of this member, once a turn, and before anything is answered: who has
// an answer finds what it says. The members as often as a leader hears of the others, and at once
// when something else is about them; role sinks when another one leads, and those that are new.
void RaftLog::publish(TimePoint now) {
  judge_versions();
  const auto leads = leading();
  const bool changed = leads != status_.leading;
  std::optional<QuorumStatus> status;
  if (changed || now >= status_at_ + options_.heartbeat || status_.changed_at != member_->known()) {
    status_at_ = now;
    status = status_of_all(leads, now);
  }
  std::vector<const RoleSink*> untold;
  {
    const std::lock_guard lock(mutex_);
    if (status) status_ = *std::move(status);
    for (auto at = changed ? 0 : role_sinks_told_; at < role_sinks_.size(); ++at) {
      untold.push_back(&role_sinks_[at]);
    }
    role_sinks_told_ = role_sinks_.size();
  }
  for (const auto* sink : untold) (*sink)(leads);
}

QuorumStatus RaftLog::quorum() const {
  const auto applied = lane_->applied();
  const std::lock_guard lock(mutex_);
  auto status = status_;
  for (auto& each : status.members) {
    if (each.member.id == self_) each.applied = applied;
  }
  return status;
}

QuorumStatus RaftLog::status_of_all(const Leading& leading, TimePoint now) const {
  QuorumStatus status;
  status.self = self_;
  status.leading = leading;
  status.committed = member_->committed();
  status.changed_at = member_->known();
  for (const auto& member : member_->roster().members()) {
    status.members.push_back(status_of(member, now));
  }
  return status;
}

InterfaceVersion RaftLog::version_of(MemberId member) const {
  if (member == self_) return options_.versions.newest;
  const auto found = versions_.find(member);
  return found == versions_.end() ? InterfaceVersion{0} : found->second;
}

void RaftLog::judge_versions() {
  const auto& members = member_->roster().members();
  auto version = members.empty() ? options_.versions.oldest : options_.versions.newest;
  for (const auto& each : members) version = std::min(version, version_of(each.member.id));
  known_by_all_ = std::max(version, options_.versions.oldest);
}

MemberStatus RaftLog::status_of(const RosterMember& member, TimePoint now) const {
  const auto id = member.member.id;
  MemberStatus status;
  status.member = member.member;
  status.role = member.role;
  status.replaces = member.replaces;
  status.version = version_of(id);
  if (id == self_) {
    status.state = member_->leads() ? MemberState::kLeader : MemberState::kFollower;
    status.applied = lane_->applied();
    status.matched = member_->synced().index;
    return status;
  }
  if (id == member_->leader()) status.state = MemberState::kLeader;
  const auto found = member_->progress().find(id);
  if (found == member_->progress().end()) return status;
  const auto& follower = found->second;
  const bool seeding = follower.state == FollowerProgress::State::kSeeding;
  status.state = !member_->hears(id, now) ? MemberState::kUnreachable
                 : seeding                ? MemberState::kSeeding
                                          : MemberState::kFollower;
  status.applied = follower.applied;
  status.matched = follower.matched;
  status.lag = member_->last() - follower.matched;
  if (!seeds_given_.contains(id)) {
    status.silent = std::chrono::duration_cast<std::chrono::milliseconds>(now - follower.heard_at);
  }
  return status;
}

// --- Reads ------------------------------------------------------------------------------------

void RaftLog::read_index(ReadSink sink) {
  if (member_->leads_alone() && !lane_->failed()) return sink({lane_->applied(), {}});
  {
    const std::lock_guard lock(mutex_);
    reads_asked_.push_back(std::move(sink));
    if (reads_asked_.size() > 1) return;  // The thread has been told.
    news_ = true;
  }
  wake_.notify_one();
}

// All that came since the last turn are one read of the core's.
Status RaftLog::take_reads(TimePoint now) {
  if (holds_ && !member_->leads()) return {};
  std::vector<ReadSink> asked;
  {
    const std::lock_guard lock(mutex_);
    asked = std::exchange(reads_asked_, {});
  }
  if (asked.empty()) return {};
  const auto read = ++last_read_;
  reads_[read] = std::move(asked);
  return member_->ask_to_read(read, now);
}

void RaftLog::answer_reads() {
  for (const auto& done : member_->take_reads()) {
    for (const auto read : done.reads) {
      auto sinks = std::move(reads_.extract(read).mapped());
      if (!done.index) {
        refuse_reads(std::move(sinks), not_leader());
      } else if (const auto applied = lane_->applied();
                 applied >= *done.index && !lane_->failed()) {
        for (const auto& sink : sinks) sink({applied, {}});
      } else {
        lane_->answer_at(*done.index, std::move(sinks));
      }
    }
  }
}

void RaftLog::refuse_reads(std::vector<ReadSink> reads, const Error& error) {
  const auto leader = leading().leader;
  for (const auto& sink : reads) sink({error, leader});
}

// --- Changes of members -----------------------------------------------------------------------

void RaftLog::change_members(MembersChange change, ChangeSink sink) {
  {
    const std::lock_guard lock(mutex_);
    changes_asked_.push_back({std::move(change), std::move(sink)});
  }
  notice();
}

Status RaftLog::take_changes(TimePoint now) {
  std::vector<ChangeWish> asked;
  {
    const std::lock_guard lock(mutex_);
    asked = std::exchange(changes_asked_, {});
  }
  for (auto& wish : asked) {
    if (change_) {
      wish.sink({Error{Errc::kBusy, "another change of members is under way"}, {}});
      continue;
    }
    MDFS_TRY(auto index, member_->change(wish.change, now));
    if (index.ok()) {
      change_ = {*index, member_->term(), std::move(wish.sink)};
    } else {
      wish.sink({std::move(index), leading().leader});
    }
  }
  return {};
}

// In another term the entry may be another one.
void RaftLog::answer_change() {
  if (!change_) return;
  const bool same_term = member_->term() == change_->term;
  if (same_term && member_->committed() >= change_->index) {
    change_->sink({change_->index, {}});
  } else if (!member_->leads() || !same_term) {
    change_->sink({Error{Errc::kNotLeader,
                         "leadership was lost before the change of members was "
                         "known to be committed: look whether it is"},
                   leading().leader});
  } else {
    return;
  }
  change_.reset();
}

// What follows by itself; refused it is tried again with the next turn.
Status RaftLog::make_due_change(TimePoint now) {
  if (change_ || !member_->leads() || !member_->roster_is_committed()) return {};
  auto due = member_->due_change();
  if (!due) due = due_expulsion();
  if (!due) due = due_address();
  if (!due) return {};
  MDFS_TRY(const auto index, member_->change(*due, now));
  (void)index;
  return {};
}

std::optional<MembersChange> RaftLog::due_expulsion() const {
  for (const auto& [id, acknowledged] : rolled_back_) {
    if (member_->roster().contains(id)) return RemoveMember{id};
  }
  return std::nullopt;
}

std::optional<MembersChange> RaftLog::due_address() const {
  const auto& roster = member_->roster();
  const auto* self = roster.find(self_);
  if (self != nullptr && !options_.address.empty() && self->member.address != options_.address) {
    return ChangeAddress{{self_, options_.address}};
  }
  for (const auto& [id, peer] : peers_) {
    const auto* member = roster.find(id);
    if (member == nullptr || !peer.announce || peer.announce->address.empty()) continue;
    if (peer.announce->address != member->member.address) {
      return ChangeAddress{{id, peer.announce->address}};
    }
  }
  return std::nullopt;
}

// --- Handing over -----------------------------------------------------------------------------

void RaftLog::transfer(MemberId to, TransferSink sink) {
  {
    const std::lock_guard lock(mutex_);
    transfers_asked_.push_back({to, std::move(sink)});
  }
  notice();
}

Status RaftLog::take_transfers(TimePoint now) {
  std::vector<TransferWish> asked;
  {
    const std::lock_guard lock(mutex_);
    asked = std::exchange(transfers_asked_, {});
  }
  for (auto& wish : asked) {
    if (!member_->leads()) {
      wish.sink(not_leader());
      continue;
    }
    transfers_.push_back(std::move(wish.sink));
    MDFS_CHECK(member_->transfer(wish.to, now));
  }
  return {};
}

// A leader whose disk is slow or full makes everybody wait, or refuses what others could take. All
// that waits is held for the next one, and until it is known who could be that. From a full disk
// leadership goes each time, as it only goes to one that has room.
Status RaftLog::leave_bad_disk(TimePoint now) {
  member_->set_disk_full(!free_space_.check(now).ok());
  const auto own = member_->disk();
  if (!member_->leads() || member_->is_transferring()) return {};
  if (!own.full && now < slow_disk_judged_at_) return {};
  std::vector<VoterDisk> others;
  for (const auto& [id, follower] : member_->progress()) {
    if (!is_live_voter(id, now)) continue;
    if (follower.disk) others.push_back({id, *follower.disk});
    holds_ = holds_ || (own.full && !follower.disk);
  }
  const auto better = better_disk(own, others);
  if (!better) return {};
  slow_disk_judged_at_ = now + kSlowDiskJudgedAgainAfter;
  log_warn("namenode", "the log's disk {}: leadership goes to member {}",
           own.full ? "is full" : "takes " + std::to_string(own.sync_us / 1000) + " ms for a sync",
           hex_64(*better));
  return member_->transfer(*better, now);
}

bool RaftLog::is_live_voter(MemberId id, TimePoint now) const {
  const auto* found = member_->roster().find(id);
  return found != nullptr && found->role == MemberRole::kVoter && member_->hears(id, now);
}

// Whoever has asked is told when the next leader is known.
void RaftLog::answer_transfers(TimePoint now) {
  if (const auto why = member_->take_transfer_end()) {
    const auto code = *why == Refusal::kTimedOut       ? Errc::kTimedOut
                      : *why == Refusal::kNoSuchMember ? Errc::kNotFound
                                                       : Errc::kUnavailable;
    end_transfers(Error{code, "leadership was not handed over: no other voter took it"});
  }
  if (transfers_.empty() || member_->is_transferring()) return;
  if (!handed_over_at_) handed_over_at_ = now;
  if (member_->leads()) {
    end_transfers(Error{Errc::kUnavailable, "this member was elected again"});
  } else if (member_->leader() != 0) {
    end_transfers({});
  } else if (now >= *handed_over_at_ + options_.election_max) {
    end_transfers(Error{Errc::kTimedOut, "no other leader is known yet"});
  }
}

void RaftLog::end_transfers(const Status& status) {
  for (const auto& sink : std::exchange(transfers_, {})) sink(status);
  handed_over_at_.reset();
}

// --- The end ----------------------------------------------------------------------------------

// Everything but proposals that waits for an answer.
void RaftLog::refuse_wishes(const Error& error) {
  std::vector<ReadSink> reads;
  std::vector<ChangeWish> changes;
  std::vector<TransferWish> transfers;
  {
    const std::lock_guard lock(mutex_);
    reads = std::exchange(reads_asked_, {});
    changes = std::exchange(changes_asked_, {});
    transfers = std::exchange(transfers_asked_, {});
  }
  refuse_reads(std::move(reads), error);
  for (auto& [read, sinks] : std::exchange(reads_, {})) refuse_reads(std::move(sinks), error);
  for (const auto& wish : changes) wish.sink({error, {}});
  if (change_) change_->sink({error, {}});
  change_.reset();
  for (const auto& wish : transfers) wish.sink(error);
  end_transfers(error);
}

}  // namespace minidfs::consensus
