#include "sim/whole/schedule.hpp"

#include <array>

#include "sim/whole/checker.hpp"
#include "sim/whole/cluster.hpp"
#include "sim/whole/faults.hpp"

namespace minidfs::sim {
namespace {

using std::chrono::seconds;

constexpr milliseconds kFaultsLast{40'000};
constexpr milliseconds kCheckEvery{200};
// Writers end what they had begun, retries included.
constexpr milliseconds kQuietWithin{60'000};
// Grace, deaths, settling and repeated orders lie within it.
constexpr milliseconds kHealedWithin{120'000};

constexpr std::array<std::string_view, 10> kRareStates{
    "an expired commit",
    "a commit that was answered from the kept replies",
    "a commit that waits for a report of its blocks",
    "a commit accepted from a takeover",
    "an entry of the log that outlived its answer",
    "a deletion in flight at a change of leadership",
    "a fence with orders queued",
    "a namespace that went back",
    "a replica of another life",
    "a replica lost by a lying disk",
};

void run_until(Cluster& cluster, TimePoint end) {
  while (cluster.world.now() < end && !cluster.world.violation()) {
    const auto next = std::min(end, cluster.world.now() + kCheckEvery);
    while (cluster.world.step(next)) {
    }
    if (!cluster.world.violation()) check_all(cluster);
  }
}

bool all_idle(const Cluster& cluster) {
  for (const auto& writer : cluster.writers) {
    if (!writer->idle()) return false;
  }
  return true;
}

// Faults have ended: writers come to their end, then everything to its place.
void heal(Cluster& cluster, Faults& faults) {
  faults.heal();
  for (auto& writer : cluster.writers) writer->leave_off();
  const auto quiet_by = cluster.world.now() + kQuietWithin;
  while (!all_idle(cluster) && !cluster.world.violation()) {
    if (cluster.namenode.safe_mode()) leave_safe_mode(cluster);
    if (cluster.world.now() >= quiet_by) return cluster.world.violated("a writer waits for ever");
    run_until(cluster, cluster.world.now() + seconds(1));
  }
  const auto healed_by = cluster.world.now() + kHealedWithin;
  while (!cluster.world.violation()) {
    const auto left = unfinished(cluster);
    if (!left.has_value()) return;
    if (cluster.world.now() >= healed_by) return cluster.world.violated("not healed: " + *left);
    run_until(cluster, cluster.world.now() + seconds(1));
  }
}

}  // namespace

std::span<const std::string_view> rare_states() { return kRareStates; }

ScheduleResult run_whole_schedule(std::uint64_t seed) {
  Cluster cluster(seed);
  Faults faults(cluster);
  faults.begin();
  run_until(cluster, TimePoint{} + kFaultsLast);
  const auto events = cluster.world.events();
  if (!cluster.world.violation()) heal(cluster, faults);
  ScheduleResult result;
  result.violation = cluster.world.violation();
  result.events = events;
  result.fault_kinds = faults.kinds();
  result.rare = cluster.world.rare();
  for (const auto& writer : cluster.writers) result.operations += writer->done();
  return result;
}

}  // namespace minidfs::sim
