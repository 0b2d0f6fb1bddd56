// The one thread on which a simulated cluster runs: its time, its chance and the order of its
// events. Nothing in it reads a clock; the same seed gives the same run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "metadata/block_types.hpp"

namespace minidfs::sim {

using metadata::TimePoint;
using std::chrono::milliseconds;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  TimePoint now() const { return now_; }
  metadata::Random& random() { return random_; }
  std::uint64_t below(std::uint64_t bound) { return metadata::random_below(random_, bound); }
  bool chance(std::uint64_t one_in) { return below(one_in) == 0; }
  milliseconds between(milliseconds least, milliseconds most) {
    return least + milliseconds(below(static_cast<std::uint64_t>((most - least).count()) + 1));
  }

  // Events of the same moment run in the order in which they were asked for.
  void after(milliseconds delay, std::function<void()> event);
  // Runs the next event; false when none is due by `until`, where time then stands.
  bool step(TimePoint until);
  std::uint64_t events() const { return events_; }

  // --- What the run is judged by ---

  // A state that few schedules reach occurred; see schedule.hpp for their names.
  void note(const std::string& rare) { ++rare_[rare]; }
  const std::map<std::string, std::uint64_t>& rare() const { return rare_; }
  // A line of what happens, for who reruns a seed; only with MINIDFS_SIM_TRACE set.
  void trace(const std::function<std::string()>& line);
  // Ends the run; the first breach counts.
  void violated(std::string what);
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  metadata::Random random_;
  TimePoint now_{};
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> events_due_;
  std::uint64_t next_event_ = 0;
  std::uint64_t events_ = 0;
  std::map<std::string, std::uint64_t> rare_;
  std::optional<std::string> violation_;
};

}  // namespace minidfs::sim
