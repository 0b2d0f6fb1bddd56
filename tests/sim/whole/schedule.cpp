#include "sim/whole/schedule.hpp"

#include <array>

#include "sim/whole/checker.hpp"
#include "sim/whole/cluster.hpp"
#include "sim/whole/faults.hpp"

namespace minidfs::sim {
namespace {

using std::chrono::seconds;
using std::string_view_literals::operator""sv;

constexpr milliseconds kFaultsLast{40'000};
constexpr milliseconds kCheckEvery{200};
// Writers end what they had begun, retries included.
constexpr milliseconds kQuietWithin{60'000};
// Grace, deaths, settling and repeated orders lie within it.
constexpr milliseconds kHealedWithin{120'000};

constexpr std::array kRareStates{
    "an expired commit"sv,
    "a commit that was answered from the kept replies"sv,
    "a commit that waits for a report of its blocks"sv,
    "a commit accepted from a takeover"sv,
    "an entry of the log that outlived its answer"sv,
    "a deletion in flight at a change of leadership"sv,
    "a fence with orders queued"sv,
    "an answer of before it registered anew"sv,
    "a namespace that went back"sv,
    "a namenode behind its datanodes"sv,
    "a replica of another life"sv,
    "a replica lost by a lying disk"sv,
    "a mark of blocks that was used before"sv,
    "a store that failed"sv,
    "a transaction rolled back with changes in it"sv,
    "a disk left in the middle of a block"sv,
    "a disk that hung for so long that its replicas counted as lost"sv,
    "a writer given up in the middle of a block"sv,
    "an answer of the disk after it was given up"sv,
    "an answer of the disk after its session ended"sv,
    "a next node given up while the disk hangs"sv,
    "memory exhausted at two nodes at once"sv,
    "a block begun again in a better pipeline"sv,
    "a stream that lost a node and cannot begin again"sv,
    "several blocks over one connection"sv,
    "a connection used for the next blocks of its file"sv,
    "a writer suspended between two blocks"sv,
    "a replica lost between its writing and a takeover"sv,
    "a staged file that was committed"sv,
    "a staged file that fell with its session"sv,
    "a staged file that outlived its namenode"sv,
    "a batch of which a part was put"sv,
    "a first request of a client that was forgotten"sv,
    "a request asked again when its client was forgotten"sv,
    "a replica that was called bad and is whole"sv,
    "a replica that counts again while its removal is under way"sv,
    "a call of a disk that failed"sv,
    "an order given again while the first is under way"sv,
    "an order that does not know of what was stored since"sv,
    "an order that was void when its turn came"sv,
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
