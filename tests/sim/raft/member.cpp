#include "sim/raft/member.hpp"

#include <algorithm>
#include <type_traits>

#include "sim/raft/cluster.hpp"

namespace minidfs::sim::raft {
namespace {

using consensus::Append;
using consensus::RaftCore;
using consensus::Role;

constexpr milliseconds kTickEvery{5};
constexpr milliseconds kHouseEvery{400};
constexpr std::uint32_t kCommandBytes = 1000;

}  // namespace

Member::Member(Cluster& cluster, MemberId id, const MemberSet& members)
    : cluster_(cluster), id_(id), process_(cluster.world), disk_(cluster.world, process_) {
  SimState state;
  state.members.members = members;
  disk_.checkpoint(state);
  disk_.on_done([this](std::uint64_t write) { step(consensus::Stored{write}); });
}

void Member::start() {
  process_.start();
  disk_.recover();
  log_ = disk_.log();
  state_ = disk_.state();
  std::vector<EntryInfo> infos;
  std::vector<MembersAt> members;
  members_ = {{state_.members.index, state_.members.members}};
  if (!state_.members.members.empty()) members.push_back(state_.members);
  for (auto index = log_.before.index + 1; index <= log_.last(); ++index) {
    const auto& entry = log_.at(index);
    infos.push_back(entry.info);
    if (entry.info.kind == EntryKind::kMembers && index > state_.members.index) {
      members.push_back({index, entry.members});
      members_[index] = entry.members;
    }
  }
  RaftCore::Options options;
  options.self = id_;
  options.seed = cluster_.world.random()();
  options.message_bytes_max = 4000;  // So that there are many, and windows that are full.
  options.inflight_bytes_max = 12'000;
  core_ = std::make_unique<RaftCore>(options);
  step(consensus::Started{disk_.hard_state(), log_.before, infos, members, 0,
                          state_.position.index});
  process_.later(kTickEvery, [this] { tick(); });
  process_.later(cluster_.world.between(milliseconds{0}, kHouseEvery), [this] { keep_house(); });
}

void Member::crash() {
  if (!process_.up()) return;
  process_.kill();
  disk_.crash();
  core_.reset();
  confirmed_.clear();
  for (auto& [read, answer] : std::exchange(reads_, {})) answer(std::nullopt);
  for (auto& [index, proposal] : std::exchange(proposals_, {})) proposal.second(std::nullopt);
}

RaftCore::TimePoint Member::own_now() const {
  return RaftCore::TimePoint{} + cluster_.world.now().time_since_epoch() * (100 + clock_fast) / 100;
}

void Member::step(const consensus::RaftEvent& event) {
  const auto effects = core_->step(event, own_now());
  for (const auto& effect : effects) {
    std::visit([this](const auto& each) { carry_out(each); }, effect);
  }
  cluster_.checker.look_at(*this);
}

const MemberSet& Member::members_by_log() const { return members_.rbegin()->second; }

void Member::tick() {
  if (own_now() >= core_->wakes_at()) {
    const auto term = core_->term();
    step(consensus::Tick{});
    cluster_.checker.time_passed(*this, term);
  }
  if (const auto wanted = core_->promotion()) {
    cluster_.world.note("a learner that became a voter");
    change(*wanted);
  }
  process_.later(kTickEvery, [this] { tick(); });
}

// The state becomes durable; what it holds need not be in the log, but for those who lag.
void Member::keep_house() {
  auto& world = cluster_.world;
  disk_.checkpoint(state_);
  const auto kept = world.chance(3) ? world.below(10) : 60 + world.below(100);
  if (state_.position.index > log_.before.index + kept) {
    const auto to = state_.position.index - kept;
    disk_.trim(to);
    log_.trim(to);
    step(consensus::Trimmed{to});
  }
  process_.later(kHouseEvery, [this] { keep_house(); });
}

// --- Clients ----------------------------------------------------------------------------------

void Member::propose(const std::vector<std::uint64_t>& commands, Answer answer) {
  if (!process_.works()) return answer(std::nullopt);
  const auto term = core_->term();
  incoming_.clear();
  for (const auto command : commands) {
    incoming_.push_back({{term, EntryKind::kCommand, kCommandBytes}, command, {}});
  }
  incoming_first_ = log_.last() + 1;
  proposal_refused_ = false;
  const std::vector<std::uint32_t> bytes(commands.size(), kCommandBytes);
  const auto last = log_.last() + commands.size();
  step(consensus::Proposed{bytes});
  if (proposal_refused_) return answer(std::nullopt);
  proposals_[last] = {term, std::move(answer)};  // Nothing is applied within a step.
}

void Member::read(Answer answer) {
  if (!process_.works()) return answer(std::nullopt);
  for (const auto& other : cluster_.members) {
    const bool deposed =
        core_->role() == Role::kLeader && other->leads() && other->core().term() > core_->term();
    if (deposed) cluster_.world.note("a deposed leader asked to read");
  }
  reads_[++last_read_] = std::move(answer);
  step(consensus::ReadAsked{last_read_});
}

void Member::answer_reads() {
  for (auto each = confirmed_.begin(); each != confirmed_.end();) {
    if (each->first > state_.position.index) {
      ++each;
      continue;
    }
    auto found = reads_.extract(each->second);
    each = confirmed_.erase(each);
    found.mapped()(state_.position.index);
  }
}

// --- Messages ---------------------------------------------------------------------------------

void Member::arrive(const Packet& packet) {
  heard_at_ = cluster_.world.now();
  std::vector<EntryInfo> infos;
  std::vector<MembersAt> members;
  incoming_.clear();
  if (const auto* append = std::get_if<Append>(&packet.message.body)) {
    incoming_ = packet.entries;
    incoming_first_ = append->prev.index + 1;
    for (const auto& entry : incoming_) {
      infos.push_back(entry.info);
      if (entry.info.kind != EntryKind::kMembers) continue;
      members.push_back({append->prev.index + infos.size(), entry.members});
    }
  }
  const auto before = Checker::standing(*this);
  step(consensus::MessageArrived{packet.from, packet.message, infos, members});
  if (packet.message.term < before.term) cluster_.checker.heard_of_before(*this, before);
}

void Member::carry_out(const consensus::Send& effect) {
  Packet packet{id_, effect.message, {}};
  if (const auto* append = std::get_if<Append>(&effect.message.body)) {
    for (auto index = append->prev.index + 1; index <= append->last; ++index) {
      packet.entries.push_back(log_.at(index));
    }
  }
  if (const auto* vote = std::get_if<consensus::VoteReply>(&effect.message.body)) {
    if (vote->granted) voted(effect.message.term, effect.to);
  }
  if (std::holds_alternative<consensus::TimeoutNow>(effect.message.body)) {
    cluster_.checker.handed_over(effect.to, effect.message.term);
  }
  cluster_.send(effect.to, std::move(packet));
}

void Member::voted(Term term, MemberId candidate) {
  cluster_.checker.voted(id_, term, candidate);
  if (!std::exchange(dies_of_vote, false)) return;
  cluster_.world.after(cluster_.world.between(milliseconds{0}, milliseconds{2}), [this] {
    crash();
    cluster_.world.after(cluster_.world.between(milliseconds{5}, milliseconds{60}), [this] {
      if (!process_.up()) start();
    });
  });
}

// --- The disk ---------------------------------------------------------------------------------

void Member::carry_out(const consensus::StoreHardState& effect) {
  disk_.store(effect.write, effect.hard_state);
}

void Member::carry_out(const consensus::CutLog& effect) {
  cluster_.checker.cut(*this, effect.from);
  log_.cut(effect.from);
  members_.erase(members_.lower_bound(effect.from), members_.end());
  disk_.cut(effect.write, effect.from);
}

void Member::carry_out(const consensus::NewEntry& effect) {
  if (effect.kind == EntryKind::kMembers) cluster_.checker.changes_members(*this);
  incoming_ = {{{effect.position.term, effect.kind, 0}, cluster_.next_command(), effect.members}};
  incoming_first_ = effect.position.index;
}

void Member::carry_out(const consensus::StoreEntries& effect) {
  std::vector<SimEntry> entries;
  for (auto index = effect.first; index <= effect.last; ++index) {
    entries.push_back(incoming_.at(static_cast<std::size_t>(index - incoming_first_)));
    cluster_.checker.appended(log_.position(log_.last()), index, entries.back());
    log_.entries.push_back(entries.back());
    if (entries.back().info.kind == EntryKind::kMembers) members_[index] = entries.back().members;
  }
  disk_.store(effect.write, std::move(entries));
}

// --- The state machine ------------------------------------------------------------------------

void Member::carry_out(const consensus::Commit& effect) {
  cluster_.checker.announced(*this, effect.index);
  process_.later(cluster_.world.between(milliseconds{0}, milliseconds{4}),
                 [this, index = effect.index] { apply_up_to(index); });
}

void Member::apply_up_to(Index index) {
  while (state_.position.index < index) {
    const auto next = state_.position.index + 1;
    state_.apply(next, log_.at(next));
    cluster_.checker.applied(*this, state_);
    const auto found = proposals_.extract(next);
    if (found.empty()) continue;
    const auto& [term, answer] = found.mapped();
    answer(term == state_.position.term ? std::optional(next) : std::nullopt);
  }
  answer_reads();
  step(consensus::Applied{state_.position.index});
}

void Member::carry_out(const consensus::ReadConfirmed& effect) {
  for (const auto read : effect.reads) confirmed_.emplace_back(effect.index, read);
  process_.later(milliseconds{0}, [this] { answer_reads(); });
}

void Member::carry_out(const consensus::ReadRefused& effect) {
  for (const auto read : effect.reads) reads_.extract(read).mapped()(std::nullopt);
}

// --- What is only looked at -------------------------------------------------------------------

void Member::carry_out(const consensus::RoleChanged& effect) {
  cluster_.world.trace([&] {
    return "member " + std::to_string(id_) + " has role " +
           std::to_string(static_cast<int>(effect.role)) + " in term " +
           std::to_string(effect.term) + ", its leader is " + std::to_string(effect.leader);
  });
  if (effect.role == Role::kLeader) cluster_.checker.leads(*this, effect.term);
}

void Member::carry_out(const consensus::MembersChanged&) {}
void Member::carry_out(const consensus::ProposalRefused&) { proposal_refused_ = true; }
void Member::carry_out(const consensus::ChangeRefused&) {
  cluster_.world.note("a change of members that was refused");
}
void Member::carry_out(const consensus::TransferEnded&) {
  cluster_.world.note("a hand-over of leadership that failed");
}

// --- Seeds ------------------------------------------------------------------------------------

void Member::carry_out(const consensus::Seed& effect) {
  cluster_.send_seed(*this, effect.to, cluster_.world.between(milliseconds{50}, milliseconds{900}));
}

// What the core wanted written is waited for first.
void Member::take_seed(const SimState& state, const std::function<void()>& ended) {
  if (!core_->can_be_seeded(state.position)) return ended();
  if (!disk_.quiet()) {
    return process_.later(milliseconds{2}, [this, state, ended] { take_seed(state, ended); });
  }
  if (!cluster_.healed && cluster_.world.chance(4)) {
    cluster_.world.note("a seed cut in the middle");
    disk_.install(state, false);
    crash();
    return cluster_.start_later(*this);
  }
  cluster_.world.note("a member that was seeded");
  cluster_.checker.seeded(*this, state.position.index);
  disk_.install(state, true);
  log_.reset(state.position);
  state_ = state;
  members_ = {{state.members.index, state.members.members}};
  step(consensus::Seeded{state.position, state.members.members});
  ended();
}

}  // namespace minidfs::sim::raft
