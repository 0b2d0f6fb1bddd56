// Raft clusters under random schedules of faults.
#include "sim/raft/schedule.hpp"
#include "sim/run_schedules.hpp"

namespace minidfs::sim::raft {

TEST_CASE("No schedule of faults makes the members of a cluster disagree, forget or stand still",
          "[raft]") {
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;
  const auto done = run_schedules("test_sim_raft \"[raft]\"", rare_states(), run_schedule,
                                  [&](const ScheduleResult& result) {
                                    writes += result.writes;
                                    reads += result.reads;
                                  });
  std::cout << done.schedules << " schedules, " << done.events << " events under faults, " << writes
            << " changes and " << reads << " reads that clients were told of\n";
}

}  // namespace minidfs::sim::raft
