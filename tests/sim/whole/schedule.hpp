// One run of a whole cluster from one seed: faults under writers, then healing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace minidfs::sim {

struct ScheduleResult {
  std::optional<std::string> violation;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;  // Of writers, that came to their end.
  std::size_t fault_kinds = 0;
  std::map<std::string, std::uint64_t> rare;
};

ScheduleResult run_whole_schedule(std::uint64_t seed);

// The states that some schedules of a run must reach, or the run proves too little.
std::span<const std::string_view> rare_states();

}  // namespace minidfs::sim
