// Raft clusters under random schedules of faults. MINIDFS_SIM_SEED=n runs one seed,
// MINIDFS_SIM_COUNT=n that many from it; MINIDFS_SIM_SECONDS=n as many as fit into that time.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "sim/raft/schedule.hpp"

namespace minidfs::sim::raft {
namespace {

// What scripts/test runs, and within what every mutant must be found.
constexpr std::uint64_t kSchedules = 300;
constexpr std::uint64_t kEventsMin = 500;
constexpr std::size_t kFaultKindsMin = 2;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string rerun(std::uint64_t seed) {
  return "seed " + std::to_string(seed) + "; again: MINIDFS_SIM_SEED=" + std::to_string(seed) +
         " test_sim_raft \"[raft]\"";
}

}  // namespace

TEST_CASE("No schedule of faults makes the members of a cluster disagree, forget or stand still",
          "[raft]") {
  const auto first = from_environment("MINIDFS_SIM_SEED", 1);
  const auto seconds = from_environment("MINIDFS_SIM_SECONDS", 0);
  const bool one = std::getenv("MINIDFS_SIM_SEED") != nullptr && seconds == 0;
  const auto count = from_environment("MINIDFS_SIM_COUNT", one           ? 1
                                                           : seconds > 0 ? ~0ULL
                                                                         : kSchedules);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::map<std::string, std::uint64_t> rare;
  std::uint64_t done = 0;
  std::uint64_t events = 0;
  std::uint64_t writes = 0;
  std::uint64_t reads = 0;
  for (; done < count; ++done) {
    if (seconds > 0 && std::chrono::steady_clock::now() >= end) break;
    INFO(rerun(first + done));  // Also when it crashes.
    const auto result = run_schedule(first + done);
    INFO(result.violation.value_or(""));
    REQUIRE_FALSE(result.violation);
    REQUIRE(result.events >= kEventsMin);
    REQUIRE(result.fault_kinds >= kFaultKindsMin);
    events += result.events;
    writes += result.writes;
    reads += result.reads;
    for (const auto& [name, times] : result.rare) rare[name] += times;
  }
  std::cout << done << " schedules, " << events << " events under faults, " << writes
            << " changes and " << reads << " reads that clients were told of\n";
  for (const auto& [name, times] : rare) std::cout << "  " << times << " times " << name << "\n";
  if (count < kSchedules) return;
  for (const auto name : rare_states()) {
    INFO("in " << done << " schedules there never was " << name);
    CHECK(rare[std::string(name)] > 0);
  }
}

}  // namespace minidfs::sim::raft
