// Runs a simulator's schedules one after the other and holds each to what every one of them must
// be: without a violation, long, and under several kinds of fault. Over all of them each rare state
// must have occurred.
//
// MINIDFS_SIM_SEED=n runs one seed, MINIDFS_SIM_COUNT=n that many from it; MINIDFS_SIM_SECONDS=n as
// many as fit into that time.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "sim/environment.hpp"

namespace minidfs::sim {

// What scripts/test runs, and within what every mutant must be found.
inline constexpr std::uint64_t kSchedules = 300;
inline constexpr std::uint64_t kEventsMin = 500;
inline constexpr std::size_t kFaultKindsMin = 2;

struct SchedulesDone {
  std::uint64_t schedules = 0;
  std::uint64_t events = 0;
};

// `program` is what runs a seed again; `run` takes a seed and returns {violation, events,
// fault_kinds, rare, ...}; `done` gets that result.
template <class Run, class Done>
SchedulesDone run_schedules(const std::string& program,
                            std::span<const std::string_view> rare_states, Run run, Done done) {
  const auto first = from_environment("MINIDFS_SIM_SEED", 1);
  const auto seconds = from_environment("MINIDFS_SIM_SECONDS", 0);
  const bool one = std::getenv("MINIDFS_SIM_SEED") != nullptr && seconds == 0;
  const auto count = from_environment("MINIDFS_SIM_COUNT", one           ? 1
                                                           : seconds > 0 ? ~0ULL
                                                                         : kSchedules);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::map<std::string, std::uint64_t> rare;
  SchedulesDone all;
  for (; all.schedules < count; ++all.schedules) {
    if (seconds > 0 && std::chrono::steady_clock::now() >= end) break;
    const auto seed = std::to_string(first + all.schedules);
    INFO("seed " << seed << "; again: MINIDFS_SIM_SEED=" << seed << " "
                 << program);  // When it crashes, too.
    const auto result = run(first + all.schedules);
    INFO(result.violation.value_or(""));
    REQUIRE_FALSE(result.violation);
    REQUIRE(result.events >= kEventsMin);
    REQUIRE(result.fault_kinds >= kFaultKindsMin);
    all.events += result.events;
    done(result);
    for (const auto& [name, times] : result.rare) rare[name] += times;
  }
  for (const auto& [name, times] : rare) std::cout << "  " << times << " times " << name << "\n";
  if (count < kSchedules) return all;
  for (const auto name : rare_states) {
    INFO("in " << all.schedules << " schedules there never was " << name);
    CHECK(rare[std::string(name)] > 0);
  }
  return all;
}

}  // namespace minidfs::sim
