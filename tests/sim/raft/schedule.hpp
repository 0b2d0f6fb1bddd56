// One run of a simulated Raft cluster from one seed: faults under clients, then healing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace minidfs::sim::raft {

struct ScheduleResult {
  std::optional<std::string> violation;
  std::uint64_t events = 0;
  std::uint64_t writes = 0;  // That clients were told of.
  std::uint64_t reads = 0;
  std::size_t fault_kinds = 0;
  std::map<std::string, std::uint64_t> rare;
};

ScheduleResult run_schedule(std::uint64_t seed);

// The states that some schedules of a run must reach, or the run proves too little.
std::span<const std::string_view> rare_states();

}  // namespace minidfs::sim::raft
