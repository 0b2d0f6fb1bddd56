#include "sim/raft/faults.hpp"

#include <algorithm>

namespace minidfs::sim::raft {
namespace {

constexpr std::uint64_t kFaultsMin = 2;
constexpr std::size_t kVotersMax = 5;
constexpr std::size_t kMembersEver = 12;

}  // namespace

Faults::Faults(Cluster& cluster) : cluster_(cluster) {
  auto& world = cluster_.world;
  if (cluster.began_alone() || world.chance(2)) kinds_.push_back(Kind::kMembers);
  if (world.chance(3)) kinds_.push_back(Kind::kTransfer);
  for (auto left = kFaultsMin + world.below(4); left > 0;) {
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
    case Kind::kLossy:
      return for_a_while(cluster_.lossy);
    case Kind::kSlowNetwork:
      return for_a_while(cluster_.slow);
    case Kind::kDoubles:
      return for_a_while(cluster_.doubles);
    case Kind::kSlowDisk:
      return slow_disk();
    case Kind::kPartingLogs:
      return parting_logs_.begin();
    case Kind::kTransfer:
      return transfer();
    case Kind::kMembers:
      return change_members();
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

void Faults::change_members() {
  auto* leader = cluster_.leader();
  if (leader == nullptr) return;
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
  if (!members.learners().empty()) {
    const auto learner = members.learners().front();
    return world.chance(5) ? members.without(learner) : members.promoted(learner);
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
