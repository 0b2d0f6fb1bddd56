// Random schedules of faults from seeds: safety in every step, then heal and demand that every
// block reaches its target. MINIDFS_SIM_SEED=n runs one seed, MINIDFS_SIM_COUNT=n that many;
// without it 100,000, or with sanitizers, which are slow, 5,000.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <string>

#include "sim/environment.hpp"
#include "sim/fake_cluster.hpp"
#include "sim/invariants.hpp"

namespace minidfs::sim {
namespace {

constexpr int kFaultSteps = 40;
constexpr int kHealStepsMax = 1200;  // A lost answer to a deletion is waited for and repeated.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSchedules = 5'000;
#else
constexpr std::uint64_t kSchedules = 100'000;
#endif

std::optional<std::string> run_schedule(std::uint64_t seed) {
  FakeCluster cluster(seed);
  for (int i = 0; i < kFaultSteps; ++i) {
    cluster.random_fault();
    cluster.step();
    if (auto violation = check_step(cluster)) return violation;
  }
  cluster.heal();
  std::optional<std::string> unfinished;
  for (int i = 0; i < kHealStepsMax; ++i) {
    cluster.step();
    if (auto violation = check_step(cluster)) return violation;
    unfinished = check_converged(cluster);
    if (!unfinished) return std::nullopt;
  }
  return unfinished;
}

}  // namespace

TEST_CASE("No schedule of faults loses a block or keeps one from its target") {
  const std::uint64_t first = from_environment("MINIDFS_SIM_SEED", 1);
  const std::uint64_t count = from_environment(
      "MINIDFS_SIM_COUNT", std::getenv("MINIDFS_SIM_SEED") != nullptr ? 1 : kSchedules);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const auto violation = run_schedule(seed);
    INFO("seed " << seed << ": " << violation.value_or(""));
    REQUIRE_FALSE(violation);
  }
}

}  // namespace minidfs::sim
