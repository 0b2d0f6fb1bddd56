#include "consensus/raft_member.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/random_id.hpp"
#include "consensus/members_format.hpp"

namespace minidfs::consensus {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

// Of the end of the log that is kept in memory for followers.
constexpr std::size_t kRecentBytesMax = 8 << 20;

RaftCore::Options core_options(MemberId self, const RaftMember::Options& options) {
  RaftCore::Options core;
  core.self = self;
  core.seed = random_128().low;
  core.heartbeat = options.heartbeat;
  core.election_min = options.election_min;
  core.election_max = options.election_max;
  return core;
}

}  // namespace

RaftMember::RaftMember(std::unique_ptr<SegmentedLog> log, Options options)
    : options_(std::move(options)),
      log_(std::move(log)),
      core_(core_options(log_->member(), options_)),
      recent_(kRecentBytesMax) {}

Status RaftMember::start(Index applied, TimePoint now) {
  MDFS_TRY(const auto members, members_since(applied));
  const auto infos = log_->infos();
  taken_ = committed_ = applied_ = applied;
  roster_changed_ = true;
  return step(
      Started{log_->hard_state(), log_->before(), infos, members, log_->committed(), applied}, now);
}

// Those that hold as of `applied`, then those of each later entry. The rosters are all that the log
// can still tell. One that joins has none: its log says only since when it was to.
Result<std::vector<MembersAt>> RaftMember::members_since(Index applied) {
  std::vector<MembersAt> members;
  const auto& stored = log_->members();
  if (stored.payload.empty()) {
    joined_ = stored.index;
  } else {
    MDFS_TRY(auto roster, decode_members(stored.payload, "stored members"));
    members.push_back({stored.index, roster.set()});
    rosters_.reset({stored.index, std::move(roster)});
  }
  const auto infos = log_->infos();
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const Index index = log_->before().index + 1 + i;
    // What was dropped may be found again, and `stored` is then later than some of it.
    const bool superseded = !stored.payload.empty() && index <= stored.index;
    if (infos[i].kind != EntryKind::kMembers || superseded) continue;
    MDFS_TRY(const auto entries, log_->read(index, 0));
    MDFS_TRY(auto roster,
             decode_members(entries.front().payload, "entry " + std::to_string(index)));
    if (index <= applied) members.clear();
    members.push_back({index, roster.set()});
    rosters_.add({index, std::move(roster)});
  }
  return members;
}

Status RaftMember::propose(std::vector<std::string> commands, std::vector<Waiter> waiters,
                           TimePoint now) {
  MDFS_ASSERT(!commands.empty() && commands.size() == waiters.size());
  std::vector<std::uint32_t> bytes;
  for (const auto& command : commands) bytes.push_back(static_cast<std::uint32_t>(command.size()));
  commands_ = std::move(commands);
  waiters_ = std::move(waiters);
  return step(Proposed{bytes}, now);
}

Status RaftMember::begin_turn(TimePoint now) {
  MDFS_CHECK(log_->end_sync());
  return note_durable(now);
}

// Becoming durable may lead to more that has to: a vote to the leader's first entry.
Status RaftMember::end_turn(TimePoint now) {
  for (;;) {
    MDFS_CHECK(note_durable(now));
    if (written_ == asked_ || is_syncing()) return {};
    MDFS_CHECK(sync());
  }
}

Status RaftMember::finish_turn(TimePoint now) {
  MDFS_CHECK(end_turn(now));
  while (written_ < asked_) {
    MDFS_CHECK(log_->sync());
    MDFS_CHECK(end_turn(now));
  }
  return {};
}

// Of one that decides alone nobody is waiting for a sign.
Status RaftMember::sync() {
  if (!has_unsynced()) {
    durable_ = asked_;
    return {};
  }
  syncing_ = {asked_, Clock::now()};
  return roster().is_only_voter(self()) ? log_->sync() : log_->begin_sync(options_.synced);
}

// Something else may have had to wait for the sync, and have taken its end.
Status RaftMember::note_durable(TimePoint now) {
  if (is_syncing() && !log_->is_syncing()) {
    const auto ended = *std::exchange(syncing_, std::nullopt);
    sync_latency_.add(std::chrono::duration_cast<microseconds>(Clock::now() - ended.begun_at));
    durable_ = std::max(durable_, ended.write);
  }
  while (written_ < durable_) {
    written_ = durable_;
    MDFS_CHECK(step(Stored{written_}, now));
  }
  return {};
}

// A disk that hangs shows while it does.
DiskCondition RaftMember::disk() const {
  if (!is_syncing()) return {sync_latency_.micros(), disk_full_};
  const auto under_way = Clock::now() - syncing_->begun_at;
  return {sync_latency_.micros_with(std::chrono::duration_cast<microseconds>(under_way)),
          disk_full_};
}

Status RaftMember::tick(TimePoint now) { return step(Tick{}, now); }

Status RaftMember::applied(Index index, TimePoint now) {
  if (index == applied_) return {};
  applied_ = index;
  const auto status = step(Applied{index}, now);
  judge_alone();
  return status;
}

Status RaftMember::durable(Index index, TimePoint now) {
  const auto before = log_->before().index;
  move_pins(now);
  MDFS_CHECK(log_->drop_before(std::min(index + 1, needed_from(now))));
  if (log_->before().index == before) return {};
  rosters_.forget_before(log_->before().index);
  return step(Trimmed{log_->before().index}, now);
}

Result<std::vector<CommittedEntry>> RaftMember::take_committed(std::size_t bytes_max) {
  std::vector<CommittedEntry> taken;
  if (!has_committed()) return taken;
  if (window_.empty() || window_.front().entry.index > taken_ + 1) {
    // Of before this start.
    MDFS_TRY(auto entries, log_->read(taken_ + 1, bytes_max));
    for (auto& entry : entries) {
      if (entry.index > committed_) break;
      if (!window_.empty() && entry.index == window_.front().entry.index) break;
      taken.push_back({std::move(entry), std::nullopt});
    }
  } else {
    std::size_t bytes = 0;
    while (!window_.empty() && window_.front().entry.index <= committed_ &&
           (taken.empty() || bytes < bytes_max)) {
      bytes += record_bytes(window_.front().entry.payload.size());
      taken.push_back(std::move(window_.front()));
      window_.pop_front();
    }
  }
  taken_ = taken.back().entry.index;
  return taken;
}

void RaftMember::give_up() {
  leads_alone_.store(false, std::memory_order_release);
  for (auto& committed : window_) {
    if (committed.waiter) undecided_.push_back(*std::exchange(committed.waiter, std::nullopt));
  }
}

Status RaftMember::step(const RaftEvent& event, TimePoint now) {
  for (const auto& effect : core_.step(event, now)) {
    MDFS_CHECK(std::visit([this](const auto& each) { return carry_out(each); }, effect));
  }
  return {};
}

// --- The log ----------------------------------------------------------------------------------

Status RaftMember::carry_out(const StoreHardState& effect) {
  asked_ = effect.write;
  MDFS_CHECK(log_->store_hard_state(effect.hard_state));
  if (!has_unsynced()) durable_ = effect.write;
  return {};
}

Status RaftMember::carry_out(const CutLog& effect) {
  asked_ = effect.write;
  while (!window_.empty() && window_.back().entry.index >= effect.from) {
    uncommitted_bytes_ -= window_.back().entry.payload.size();
    if (window_.back().waiter) undecided_.push_back(*window_.back().waiter);
    window_.pop_back();
  }
  recent_.cut(effect.from);
  rosters_.cut(effect.from);
  MDFS_CHECK(log_->cut_from(effect.from));
  durable_ = effect.write;
  return {};
}

Status RaftMember::carry_out(const NewEntry& effect) {
  own_ = Entry{effect.position.index, effect.position.term, effect.kind, {}};
  if (effect.kind == EntryKind::kMembers) {
    MDFS_ASSERT(wanted_ && wanted_->set() == effect.members);
    own_->payload = encode_members(*wanted_);
  } else {
    own_first_ = effect.position.index;
  }
  return {};
}

// They are the core's own, those that the leader has sent, or commands of this leader's clients.
std::vector<Entry> RaftMember::entries_to_store(const StoreEntries& effect) {
  std::vector<Entry> entries;
  if (own_) {
    entries.push_back(*std::exchange(own_, std::nullopt));
  } else if (!incoming_.empty()) {
    for (auto& entry : incoming_) {
      if (entry.index >= effect.first) entries.push_back(std::move(entry));
    }
    incoming_.clear();
  } else {
    for (auto& command : commands_) {
      entries.push_back(
          {effect.first + entries.size(), core_.term(), EntryKind::kCommand, std::move(command)});
    }
    commands_.clear();
  }
  MDFS_ASSERT(entries.front().index == effect.first && entries.back().index == effect.last);
  return entries;
}

Status RaftMember::carry_out(const StoreEntries& effect) {
  asked_ = effect.write;
  const bool proposed = !own_ && incoming_.empty();
  auto entries = entries_to_store(effect);
  const auto status = log_->append(entries, committed_);
  const bool for_others = roster().members().size() > 1 || roster().empty();
  auto waiter = waiters_.begin();
  for (auto& entry : entries) {
    if (entry.kind == EntryKind::kMembers) {
      MDFS_TRY(auto roster, decode_members(entry.payload, "entry"));
      rosters_.add({entry.index, std::move(roster)});
    }
    if (for_others) recent_.add(entry);
    uncommitted_bytes_ += entry.payload.size();
    window_.push_back({std::move(entry), std::nullopt});
    if (proposed) window_.back().waiter = *waiter++;
  }
  waiters_.erase(waiters_.begin(), waiter);
  return status;
}

Status RaftMember::carry_out(const Commit& effect) {
  const auto first = window_.empty() ? 0 : window_.front().entry.index;
  const auto last = first + window_.size();
  for (auto index = std::max(first, committed_ + 1); index < last && index <= effect.index;
       ++index) {
    uncommitted_bytes_ -= window_[index - first].entry.payload.size();
  }
  committed_ = std::max(committed_, effect.index);
  return {};
}

Status RaftMember::carry_out(const RoleChanged& effect) {
  if (effect.role == Role::kLeader) return {};
  transferring_ = false;
  give_up();
  return {};
}

Status RaftMember::carry_out(const ProposalRefused&) {
  refused_.insert(refused_.end(), waiters_.begin(), waiters_.end());
  waiters_.clear();
  commands_.clear();
  return {};
}

}  // namespace minidfs::consensus
