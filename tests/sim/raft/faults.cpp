#include "sim/raft/faults.hpp"

#include <algorithm>

namespace minidfs::sim::raft {
namespace {

constexpr std::uint64_t kFaultsMin = 2;
constexpr int kChangesAtOnce = 3;
constexpr std::size_t kVotersMax = 5;
constexpr std::size_t kMembersEver = 12;

}  // namespace

Faults::Faults(Cluster& cluster) : cluster_(cluster) {
  auto& world = cluster_.world;
  if (cluster.began_alone() || world.chance(2)) kinds_.push_back(Kind::kMembers);
  if (changes_members()) {
    parting_logs_.when_stranded([this](Member& leader) { change_members(&leader); });
  }
  if (world.chance(3)) kinds_.push_back(Kind::kTransfer);
  for (auto left = kFaultsMin + world.below(5); left > 0;) {
    const auto kind = static_cast<Kind>(world.below(kFaultKinds));
    if (std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end()) continue;
    kinds_.push_back(kind);
    --left;
  }
}

Member& Faults::some_member() {
  return *cluster_.members[cluster_.world.below(cluster_.members.size())];
}

void Faults::begin() {
  cluster_.world.after(cluster_.world.between(milliseconds{50}, milliseconds{1200}),
                       [this] { next(); });
}

void Faults::next() {
  if (healed_) return;
  // Each once, then any.
  const auto past = happened_.size();
  happen(kinds_[past < kinds_.size() ? past : cluster_.world.below(kinds_.size())]);
  stop_removed();
  begin();
}

void Faults::happen(Kind kind) {
  auto& world = cluster_.world;
  happened_.insert(kind);
  const auto for_a_while = [&](bool& what) {
    what = true;
    world.after(world.between(milliseconds{500}, milliseconds{4000}), [&what] { what = false; });
  };
  switch (kind) {
    case Kind::kCrash:
      return crash(some_member());
    case Kind::kCrashAll:
      for (auto& member : cluster_.members) crash(*member);
      return;
    case Kind::kCrashLeaders:
      return crash_leaders(4);
    case Kind::kPause:
      return pause(&some_member());
    case Kind::kPauseLeader:
      return pause(cluster_.leader());
    case Kind::kCutOneWay:
      return cut_one_way();
    case Kind::kIsolateLeader:
      return isolate(cluster_.leader());
    case Kind::kStaleLeader:
      return leave_stale(cluster_.leader());
    case Kind::kPartition:
      return part();
    case Kind::kLossy:
      return for_a_while(cluster_.lossy);
    case Kind::kSlowNetwork:
      return for_a_while(cluster_.slow);
    case Kind::kDoubles:
      return for_a_while(cluster_.doubles);
    case Kind::kSlowDisk:
      return slow_disk();
    case Kind::kStraySeed:
      return seed_unasked();
    case Kind::kPartingLogs:
      return parting_logs_.begin();
    case Kind::kForgottenVotes:
      return forgotten_votes_.begin();
    case Kind::kTransfer:
      return transfer();
    case Kind::kMembers:
      return change_members(cluster_.leader());
  }
}

void Faults::crash(Member& member) {
  if (!member.process().up()) return;
  member.crash();
  cluster_.start_later(member);
}

void Faults::crash_leaders(int left) {
  if (healed_ || left == 0) return;
  auto& world = cluster_.world;
  auto* leader = cluster_.leader();
  if (leader != nullptr) {
    crash(*leader);
    --left;
  }
  world.after(world.between(milliseconds{1}, milliseconds{40}),
              [this, left] { crash_leaders(left); });
}

void Faults::pause(Member* member) {
  if (member == nullptr || !member->process().works()) return;
  auto& process = member->process();
  process.stop();
  cluster_.world.after(cluster_.world.between(milliseconds{100}, milliseconds{3000}),
                       [&process, life = process.life()] {
                         if (process.life() == life) process.go_on();
                       });
}

void Faults::cut_one_way() {
  const auto from = some_member().id();
  const auto to = some_member().id();
  cluster_.cut(from, to);
  cluster_.world.after(cluster_.world.between(milliseconds{200}, milliseconds{4000}),
                       [this, from, to] { cluster_.mend(from, to); });
}

// From the others, in one direction or both; clients still reach it.
void Faults::isolate(Member* member) {
  if (member == nullptr) return;
  auto& world = cluster_.world;
  const auto id = member->id();
  const auto ways = world.below(3);
  for (const auto& other : cluster_.members) {
    if (ways != 0) cluster_.cut(id, other->id());
    if (ways != 1) cluster_.cut(other->id(), id);
  }
  world.after(world.between(milliseconds{300}, milliseconds{4000}), [this, id] {
    for (const auto& other : cluster_.members) {
      cluster_.mend(id, other->id());
      cluster_.mend(other->id(), id);
    }
  });
}

// It hears what was answered long ago, when there may be another one, and is asked to read.
void Faults::leave_stale(Member* leader) {
  if (leader == nullptr) return;
  auto& world = cluster_.world;
  const auto id = leader->id();
  cluster_.delay_to(id, true);
  world.after(world.between(milliseconds{0}, milliseconds{300}), [this, id] {
    if (healed_) return;
    for (const auto& other : cluster_.members) cluster_.cut(id, other->id());
  });
  for (auto at = milliseconds{0}; at < milliseconds{1000}; at += milliseconds{10}) {
    world.after(at, [this, leader] { cluster_.read_from(*leader); });
  }
  world.after(milliseconds{1500}, [this, id] {
    cluster_.delay_to(id, false);
    for (const auto& other : cluster_.members) cluster_.mend(id, other->id());
  });
}

// In two. Whoever operates the cluster may still reach the leader.
void Faults::part() {
  auto& world = cluster_.world;
  std::vector<std::pair<MemberId, MemberId>> wires;
  std::vector<MemberId> here;
  for (const auto& member : cluster_.members) {
    if (world.chance(2)) here.push_back(member->id());
  }
  const auto is_here = [&here](const auto& member) {
    return std::find(here.begin(), here.end(), member->id()) != here.end();
  };
  for (const auto& from : cluster_.members) {
    for (const auto& to : cluster_.members) {
      if (is_here(from) != is_here(to)) wires.emplace_back(from->id(), to->id());
    }
  }
  for (const auto& [from, to] : wires) cluster_.cut(from, to);
  auto* leader = cluster_.leader();
  for (int i = 0; changes_members() && i < kChangesAtOnce; ++i) {
    world.after(milliseconds{10 * i}, [this, leader] { change_members(leader); });
  }
  world.after(world.between(milliseconds{300}, milliseconds{4000}), [this, wires] {
    for (const auto& [from, to] : wires) cluster_.mend(from, to);
  });
}

// One that has the entries, and does not know that they are committed.
void Faults::seed_unasked() {
  auto& world = cluster_.world;
  auto* leader = cluster_.leader();
  auto& from = some_member();
  const auto to = some_member().id();
  if (leader == nullptr || leader->id() == to || from.id() == to) return;
  const auto cut_from = leader->id();
  if (cut_from != from.id()) cluster_.cut(cut_from, to);
  world.after(world.between(milliseconds{0}, milliseconds{12}), [this, &from, to] {
    if (!from.process().works()) return;
    cluster_.send_seed(from, to, cluster_.world.between(milliseconds{0}, milliseconds{50}));
  });
  world.after(milliseconds{300}, [this, cut_from, to] { cluster_.mend(cut_from, to); });
}

void Faults::slow_disk() {
  auto* leader = cluster_.leader();
  auto& member = leader != nullptr && cluster_.world.chance(2) ? *leader : some_member();
  member.disk().slow = true;
  cluster_.world.after(cluster_.world.between(milliseconds{500}, milliseconds{4000}),
                       [&member] { member.disk().slow = false; });
}

void Faults::transfer() {
  auto* leader = cluster_.leader();
  if (leader == nullptr) return;
  leader->transfer(cluster_.world.chance(2) ? 0 : some_member().id());
}

// --- Members ----------------------------------------------------------------------------------

bool Faults::changes_members() const {
  return std::find(kinds_.begin(), kinds_.end(), Kind::kMembers) != kinds_.end();
}

void Faults::change_members(Member* leader) {
  if (healed_ || leader == nullptr || !leader->leads()) return;
  const auto wanted = wanted_members(*leader);
  if (wanted) leader->change(*wanted);
  // A second one at once is refused as long as the first is not committed.
  if (cluster_.world.chance(4) && leader->leads()) {
    const auto also = wanted_members(*leader);
    if (also) leader->change(*also);
  }
}

std::optional<MemberSet> Faults::wanted_members(const Member& leader) {
  auto& world = cluster_.world;
  const auto& members = leader.core().members();
  if (!members.learners().empty() && world.chance(3)) {
    const auto learner = members.learners().front();
    return world.chance(3) ? members.promoted(learner) : members.without(learner);
  }
  const auto voters = members.voters();
  if (voters.size() < 2 || (voters.size() < kVotersMax && world.chance(2))) {
    auto* member = joiner(members);
    if (member == nullptr) return std::nullopt;
    return members.with_learner(member->id());
  }
  return members.without(voters[world.below(voters.size())]);
}

// One that was never told of a cluster.
Member* Faults::joiner(const MemberSet& members) {
  for (auto& member : cluster_.members) {
    if (!member->process().up() || members.contains(member->id())) continue;
    if (member->core().members().empty()) return member.get();
  }
  return cluster_.members.size() < kMembersEver ? &cluster_.add_empty_member() : nullptr;
}

// Those who are no members any more, as the leader and all who follow it know, end for good. Until
// somebody looks they disturb the others.
void Faults::stop_removed() {
  auto* leader = cluster_.leader();
  if (leader == nullptr || leader->core().members() != leader->state().members.members) return;
  if (cluster_.checker.committed() != leader->state().position.index) return;
  for (auto& member : cluster_.members) {
    if (!member->process().up() || member->core().members().empty()) continue;
    if (!leader->core().members().contains(member->id())) member->crash();
  }
}

void Faults::heal() {
  healed_ = true;
  cluster_.heal_network();
  for (auto& member : cluster_.members) {
    member->disk().slow = false;
    if (!member->process().up()) member->start();
    member->process().go_on();
  }
}

}  // namespace minidfs::sim::raft
