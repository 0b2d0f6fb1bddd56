#include "client/progress_meter.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

TEST_CASE("Progress is told at most once in an interval, and the last state always") {
  std::vector<Progress> told;
  const ProgressCallback callback = [&](const Progress& progress) { told.push_back(progress); };
  ProgressMeter meter(callback);
  meter.set_total(1000, 2);
  const ProgressMeter::TimePoint start{std::chrono::hours(1)};
  meter.add_bytes(1, start);
  meter.add_bytes(1, start + milliseconds(1));
  meter.add_bytes(1, start + ProgressMeter::kInterval - milliseconds(1));
  REQUIRE(told.size() == 1);
  CHECK(told[0].bytes_done == 1);
  meter.add_bytes(1, start + ProgressMeter::kInterval);
  REQUIRE(told.size() == 2);
  CHECK(told[1].bytes_done == 4);
  CHECK(told[1].bytes_total == 1000);
  meter.add_bytes(6, start + ProgressMeter::kInterval);
  meter.add_files(1);
  meter.finish();
  REQUIRE(told.size() == 3);
  CHECK(told[2].bytes_done == 10);
  CHECK(told[2].files_done == 1);
  CHECK(told[2].files_total == 2);
}

TEST_CASE("Without a callback nothing is told") {
  const ProgressCallback none;
  ProgressMeter meter(none);
  meter.add_bytes(1);
  meter.finish();
  SUCCEED("no call of an empty function");
}

}  // namespace
}  // namespace minidfs::client
