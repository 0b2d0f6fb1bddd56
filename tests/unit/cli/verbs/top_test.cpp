#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "cli/verbs/top_text.hpp"
#include "fake_file_system.hpp"

namespace minidfs::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = 1ULL << 30;

client::NodeReport node(std::string name, std::string state) {
  client::NodeReport report;
  report.name = std::move(name);
  report.rack = "/r1";
  report.state = std::move(state);
  report.admin = "in service";
  report.capacity_bytes = 100 * kGiB;
  report.used_bytes = 20 * kGiB;
  report.free_bytes = 60 * kGiB;
  report.blocks = 12;
  return report;
}

client::ClusterStatus small_cluster() {
  client::ClusterStatus status;
  status.files = 10;
  status.directories = 3;
  status.blocks = {30, 4, 1, 0, 5, 2.0};
  status.nodes = {node("one:9866", "live"), node("two:9866", "live"), node("three:9866", "dead")};
  status.quorum = client::Quorum{1, 3, 65'000, {{1, "nn:8020", true, "leader", 0, 100, 0, 1}}};
  return status;
}

TopFrame frame_of(client::ClusterStatus status) {
  TopFrame frame;
  frame.title = "minidfs top";
  frame.look.status = std::move(status);
  return frame;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("a look shows nodes, space, blocks, repair and namenodes") {
  const auto text = top_text(frame_of(small_cluster()), {});
  INFO(text);
  CHECK(text.starts_with("minidfs top\nsafe mode:  off\n"));
  CHECK(has(text, "\nnamenodes:  1, nn:8020 leads for 1:05, term 3; 1 voter, none may fail\n"));
  CHECK(has(text, "\nfiles:      10 in 3 directories\n"));
  CHECK(has(text, "\nspace:      25 % full: 40.0 GiB used, 120.0 GiB free of 200.0 GiB\n"));
  CHECK(
      has(text, "\nblocks:     30: 4 under-replicated, 1 missing, 0 corrupt, 5 copies pending\n"));
  CHECK(has(text, "\nrepair:     2.0 copies a second, about 3 s left\n"));
  CHECK(has(text, "\nchanges:    - a second, files - a second, stored -\n"));
  CHECK(has(text, "\ndatanodes:  3, 2 live, 1 dead\n"));
  CHECK_FALSE(has(text, "requests:"));
  CHECK_FALSE(has(text, "AWAY"));
}

TEST_CASE("datanodes that need somebody to look come first") {
  const auto text = top_text(frame_of(small_cluster()), {});
  CHECK(text.find("three:9866") < text.find("one:9866"));
  CHECK(text.find("one:9866") < text.find("two:9866"));
}

TEST_CASE("a namenode that is away is shown with why, and with figures that are said to be old") {
  auto frame = frame_of(small_cluster());
  frame.problem = "cannot reach nn:8020";
  frame.age = 12s;
  frame.quorum = client::Quorum{0, 3, 0, {{1, "nn:8020", true, "unreachable", 0, 0, 0, 1}}};
  const auto text = top_text(frame, {});
  INFO(text);
  CHECK(has(text, "\nnamenode:   AWAY: cannot reach nn:8020\n"));
  CHECK(has(text, "nobody leads"));
  CHECK_FALSE(has(text, "nn:8020 leads"));
  CHECK(has(text, "\nfigures:    as they were 12 s ago\n"));
  CHECK(has(text, "\nfiles:      10 in 3 directories\n"));

  TopFrame never;
  never.title = "minidfs top";
  never.problem = "cannot reach nn:8020";
  CHECK(top_text(never, {}) == "minidfs top\nnamenode:   AWAY: cannot reach nn:8020\n");
}

TEST_CASE("lines are cut to the window, between letters, and what finds no room is counted") {
  auto status = small_cluster();
  status.nodes[0].name = "\xC3\xA4\xC3\xB6\xC3\xBC:9866";
  status.nodes.resize(1);
  const auto frame = frame_of(status);
  const auto narrow = top_text(frame, {4, 0});
  CHECK(lines_of(narrow) == lines_of(top_text(frame, {})));
  CHECK(has(narrow, "\n  \xC3\xA4\xC3\xB6\n"));
  const auto all = lines_of(narrow);
  CHECK(top_text(frame, {0, all}) == top_text(frame, {}));
  const auto low = top_text(frame, {0, all - 2});
  CHECK(lines_of(low) == all - 2);
  CHECK(low.ends_with("\n  ... and 3 more lines\n"));
  CHECK(lines_of(top_text(frame, {1, 1})) == 1);
}

TEST_CASE("rates are what was added between two looks, by the second") {
  ClusterLook before;
  before.at = 1000ms;
  before.status = small_cluster();
  before.requests = http::monitoring::RequestTotals{100, 1, 1000, 5000, 0};
  auto now = before;
  now.at = 3000ms;
  now.status->files = 4;
  now.status->quorum->members[0].applied = 160;
  now.status->nodes[0].used_bytes += 8;
  now.requests = http::monitoring::RequestTotals{300, 2, 1000, 9000, 4};
  const auto rates = rates_between(before, now);
  CHECK(rates.changes == 30.0);
  CHECK(rates.files == -3.0);
  CHECK(rates.stored_bytes == 4.0);
  CHECK(rates.requests == 100.0);
  CHECK(rates.failed_requests == 0.5);
  CHECK(rates.received_bytes == 0.0);
  CHECK(rates.sent_bytes == 2000.0);
}

TEST_CASE("there are no rates between what cannot be compared") {
  ClusterLook before;
  before.at = 1000ms;
  before.status = small_cluster();
  before.requests = http::monitoring::RequestTotals{100, 1, 1000, 5000, 0};
  auto now = before;
  CHECK_FALSE(rates_between(before, now).files.has_value());  // At the same time.
  now.at = 2000ms;
  now.requests->requests = 7;  // The process was started anew.
  now.status->quorum.reset();
  const auto rates = rates_between(before, now);
  CHECK_FALSE(rates.requests.has_value());
  CHECK_FALSE(rates.changes.has_value());
  CHECK(rates.files == 0.0);
  now.status.reset();
  CHECK_FALSE(rates_between(before, now).files.has_value());
  now.status = small_cluster();
  now.status->cluster = ClusterId{1, 2};
  CHECK_FALSE(rates_between(before, now).files.has_value());
}

TEST_CASE("requests are shown when they are asked for, or why they are not") {
  auto frame = frame_of(small_cluster());
  frame.shows_requests = true;
  frame.requests_problem = "http://h:9870/metrics: does not answer";
  CHECK(has(top_text(frame, {}), "\nrequests:   http://h:9870/metrics: does not answer\n"));
  frame.look.requests = http::monitoring::RequestTotals{300, 2, 1000, 9000, 4};
  frame.rates.requests = 123.4;
  frame.rates.failed_requests = 0.5;
  frame.rates.received_bytes = 2048;
  frame.rates.sent_bytes = 10;
  CHECK(has(top_text(frame, {}),
            "\nrequests:   123 a second, 0.5 failed, 4 under way; in 2.0 KiB/s, out 10 B/s\n"));
}

TEST_CASE("whatever another process tells can be shown") {
  auto frame = frame_of(small_cluster());
  frame.shows_requests = true;
  for (const double strange : {std::nan(""), 1e300, -1e300}) {
    frame.look.requests = http::monitoring::RequestTotals{0, 0, 0, 0, strange};
    frame.rates.requests = strange;
    frame.rates.sent_bytes = strange;
    CHECK(lines_of(top_text(frame, {80, 0})) > 8);
  }
}

TEST_CASE("without a terminal each look is a block, and --count ends it") {
  test::FakeState state;
  state.status = small_cluster();
  const auto outcome = test::run(state, {"top", "--count=2", "--interval=100ms"});
  INFO(outcome.out);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.starts_with("minidfs top, "));
  CHECK(has(outcome.out, "\n\nminidfs top, "));
  CHECK(has(outcome.out, "files - a second"));
  CHECK(has(outcome.out, "files 0.0 a second"));
  CHECK_FALSE(has(outcome.out, "\x1b"));
}

TEST_CASE("values of flags that are none are refused") {
  for (const char* flag :
       {"--interval=2", "--interval=1ms", "--interval=2h", "--interval=", "--count=0", "--count=-1",
        "--count=x", "--http=", "--http=h:0", "--http=h:x"}) {
    INFO(flag);
    test::FakeState state;
    const auto outcome = test::run(state, {"top", "--count=1", flag});
    CHECK(outcome.exit_code == 2);
    CHECK(state.connections == 0);
  }
}

}  // namespace
}  // namespace minidfs::cli
