#include "sim/raft/schedule.hpp"

#include <algorithm>
#include <array>

#include "sim/raft/cluster.hpp"
#include "sim/raft/faults.hpp"

namespace minidfs::sim::raft {
namespace {

using std::string_view_literals::operator""sv;

constexpr milliseconds kFaultsLast{20'000};
// Ten election time-outs.
constexpr milliseconds kLeaderWithin{5'000};
// Those who lag are brought up to date, seeds that were lost meanwhile among them.
constexpr milliseconds kEqualWithin{20'000};
constexpr milliseconds kLookEvery{100};

constexpr std::array kRareStates{
    "a change of members that was cut off"sv,
    "a change of members that was refused"sv,
    "a commit ahead of the leader's disk"sv,
    "a deposed leader asked to read"sv,
    "a hand-over of leadership that failed"sv,
    "a learner that became a voter"sv,
    "a leader that lost its majority"sv,
    "a leader that was removed"sv,
    "a log whose end was cut off"sv,
    "a member that was seeded"sv,
    "a seed cut in the middle"sv,
    "a torn tail"sv,
    "a torn tail that another leader's entries replaced"sv,
    "a vote lost in a crash"sv,
    "entries of a former term at a majority, and not committed"sv,
    "entries of a former term at a majority, and replaced"sv,
    "leadership that was handed over"sv,
    "two leaders at once"sv,
};

void run_for(Cluster& cluster, milliseconds time) {
  const auto end = cluster.world.now() + time;
  while (cluster.world.step(end)) {
  }
}

template <class Condition>
bool within(Cluster& cluster, milliseconds time, const Condition& holds) {
  const auto end = cluster.world.now() + time;
  while (!cluster.world.violation() && !holds()) {
    if (cluster.world.now() >= end) return false;
    run_for(cluster, kLookEvery);
  }
  return true;
}

bool all_equal(Cluster& cluster) {
  const auto* leader = cluster.leader();
  if (leader == nullptr) return false;
  const auto& members = leader->core().members();
  if (!members.learners().empty()) return false;  // Nobody keeps one.
  return std::all_of(cluster.members.begin(), cluster.members.end(), [&](const auto& member) {
    return !members.contains(member->id()) ||
           (member->state().position == leader->log().position(leader->log().last()) &&
            member->state().chain == leader->state().chain);
  });
}

void heal(Cluster& cluster, Faults& faults) {
  faults.heal();
  const auto writes = cluster.history.writes();
  if (!within(cluster, kLeaderWithin, [&] { return cluster.history.writes() > writes; })) {
    return cluster.world.violated("healed, and yet nothing goes on");
  }
  cluster.stop_clients();
  if (!within(cluster, kEqualWithin, [&] { return all_equal(cluster); })) {
    return cluster.world.violated("healed, and yet some members lag");
  }
  if (cluster.world.violation()) return;
  if (cluster.checker.committed() < cluster.history.told()) {
    cluster.world.violated("what a client was told is lost");
  }
}

}  // namespace

std::span<const std::string_view> rare_states() { return kRareStates; }

ScheduleResult run_schedule(std::uint64_t seed) {
  Cluster cluster(seed);
  Faults faults(cluster);
  cluster.start();
  faults.begin();
  run_for(cluster, kFaultsLast);
  ScheduleResult result;
  result.events = cluster.world.events();
  if (!cluster.world.violation()) heal(cluster, faults);
  result.violation = cluster.world.violation();
  result.writes = cluster.history.writes();
  result.reads = cluster.history.reads();
  result.fault_kinds = faults.kinds();
  result.rare = cluster.world.rare();
  return result;
}

}  // namespace minidfs::sim::raft
