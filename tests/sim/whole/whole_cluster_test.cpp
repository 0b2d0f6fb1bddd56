// Whole clusters under random schedules of faults.
#include "sim/run_schedules.hpp"
#include "sim/whole/schedule.hpp"

namespace minidfs::sim {

TEST_CASE("No schedule of faults makes a whole cluster lose, mix up or withhold bytes", "[whole]") {
  std::uint64_t operations = 0;
  const auto done =
      run_schedules("test_sim \"[whole]\"", rare_states(), run_whole_schedule,
                    [&](const ScheduleResult& result) { operations += result.operations; });
  std::cout << done.schedules << " schedules, " << done.events << " events under faults, "
            << operations << " operations of writers\n";
}

}  // namespace minidfs::sim
