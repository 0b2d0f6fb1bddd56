#include "consensus/raft_member.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/random_id.hpp"
#include "consensus/members_format.hpp"

namespace minidfs::consensus {
namespace {

// One that is alone has nobody to tell that it lives, and should wake the processor rarely.
constexpr std::chrono::milliseconds kAloneHeartbeat{1000};

RaftCore::Options core_options(MemberId self) {
  RaftCore::Options options;
  options.self = self;
  options.seed = random_128().low;
  options.heartbeat = kAloneHeartbeat;
  return options;
}

}  // namespace

RaftMember::RaftMember(std::unique_ptr<SegmentedLog> log)
    : log_(std::move(log)), core_(core_options(log_->member())) {}

Status RaftMember::start(Index applied, TimePoint now) {
  MDFS_TRY(const auto members, members_since(applied));
  const auto infos = log_->infos();
  taken_ = committed_ = applied;
  return step(
      Started{log_->hard_state(), log_->before(), infos, members, log_->committed(), applied}, now);
}

// Those that hold as of `applied`, then those of each later entry.
Result<std::vector<MembersAt>> RaftMember::members_since(Index applied) const {
  MDFS_TRY(auto stored, decode_members(log_->members().payload, "stored members"));
  std::vector<MembersAt> members{{log_->members().index, std::move(stored)}};
  const auto infos = log_->infos();
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].kind != EntryKind::kMembers) continue;
    const Index index = log_->before().index + 1 + i;
    MDFS_TRY(const auto entries, log_->read(index, 0));
    MDFS_TRY(auto set, decode_members(entries.front().payload, "entry " + std::to_string(index)));
    if (index <= applied) members.clear();
    members.push_back({index, std::move(set)});
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

// Becoming durable may lead to more that has to: a vote to the leader's first entry.
Status RaftMember::end_turn(TimePoint now) {
  while (written_ < asked_) {
    MDFS_CHECK(log_->sync());
    written_ = asked_;
    MDFS_CHECK(step(Stored{written_}, now));
  }
  return {};
}

Status RaftMember::tick(TimePoint now) { return step(Tick{}, now); }

Status RaftMember::applied(Index index, TimePoint now) { return step(Applied{index}, now); }

Status RaftMember::durable(Index index, TimePoint now) {
  const auto before = log_->before().index;
  MDFS_CHECK(log_->drop_before(index + 1));
  if (log_->before().index == before) return {};
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

Status RaftMember::carry_out(const StoreHardState& effect) {
  asked_ = effect.write;
  return log_->store_hard_state(effect.hard_state);
}

Status RaftMember::carry_out(const CutLog& effect) {
  asked_ = effect.write;
  while (!window_.empty() && window_.back().entry.index >= effect.from) {
    if (window_.back().waiter) undecided_.push_back(*window_.back().waiter);
    window_.pop_back();
  }
  return log_->cut_from(effect.from);
}

Status RaftMember::carry_out(const NewEntry& effect) {
  own_ = Entry{effect.position.index, effect.position.term, effect.kind, {}};
  if (effect.kind == EntryKind::kMembers) own_->payload = encode_members(effect.members);
  return {};
}

Status RaftMember::carry_out(const StoreEntries& effect) {
  asked_ = effect.write;
  std::vector<Entry> entries;
  if (own_) {
    entries.push_back(*std::exchange(own_, std::nullopt));
  } else {
    for (auto& command : commands_) {
      entries.push_back(
          {effect.first + entries.size(), core_.term(), EntryKind::kCommand, std::move(command)});
    }
    commands_.clear();
  }
  MDFS_ASSERT(entries.front().index == effect.first && entries.back().index == effect.last);
  auto waiter = waiters_.begin();
  const auto status = log_->append(entries, committed_);
  for (auto& entry : entries) {
    const bool waits = entry.kind == EntryKind::kCommand;
    window_.push_back({std::move(entry), std::nullopt});
    if (waits) window_.back().waiter = *waiter++;
  }
  waiters_.erase(waiters_.begin(), waiter);
  return status;
}

Status RaftMember::carry_out(const Commit& effect) {
  committed_ = std::max(committed_, effect.index);
  return {};
}

Status RaftMember::carry_out(const RoleChanged& effect) {
  if (effect.role != Role::kLeader) give_up();
  return {};
}

Status RaftMember::carry_out(const ProposalRefused&) {
  refused_.insert(refused_.end(), waiters_.begin(), waiters_.end());
  waiters_.clear();
  commands_.clear();
  return {};
}

}  // namespace minidfs::consensus
