#include "http/rest/cluster_history.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

using Kind = ClusterEventKind;

ClusterView healthy() {
  ClusterView view;
  view.nodes = {{"a:1", true}, {"b:1", true}};
  view.leader = "n:1";
  return view;
}

std::vector<ClusterEvent> events_of(ClusterHistory& history, std::uint64_t after = 0) {
  std::vector<ClusterEvent> events;
  for (const auto& dated : history.events(after)) events.push_back(dated.event);
  return events;
}

TEST_CASE("the first look tells of no events, and neither does one that sees the same") {
  ClusterHistory history;
  history.look(1, healthy());
  history.look(2, healthy());
  CHECK(events_of(history).empty());
}

TEST_CASE("nodes come, go and come back") {
  ClusterHistory history;
  auto view = healthy();
  history.look(1, view);
  view.nodes["b:1"] = false;
  view.nodes["c:1"] = true;
  history.look(2, view);
  history.look(3, view);
  view.nodes["b:1"] = true;
  history.look(4, view);
  const std::vector<ClusterEvent> expected{
      {Kind::kNodeDown, "b:1", 0}, {Kind::kNodeUp, "c:1", 0}, {Kind::kNodeUp, "b:1", 0}};
  CHECK(events_of(history) == expected);
  CHECK(events_of(history, 2).size() == 1);
  CHECK(history.events(2).front().number == 3);
  CHECK(history.events(2).front().time_ms == 4);
}

TEST_CASE("silence is told once, and what was known before is compared with what comes after") {
  ClusterHistory history;
  history.look(1, healthy());
  history.look(2, std::nullopt);
  history.look(3, std::nullopt);
  auto view = healthy();
  view.leader = "n:2";
  history.look(4, view);
  const std::vector<ClusterEvent> expected{{Kind::kSilent, "", 0}, {Kind::kLeader, "n:2", 0}};
  CHECK(events_of(history) == expected);
}

TEST_CASE("a leader that is not known for a while is no other one") {
  ClusterHistory history;
  auto view = healthy();
  history.look(1, view);
  view.leader.clear();
  history.look(2, view);
  history.look(3, healthy());
  CHECK(events_of(history).empty());
}

TEST_CASE(
    "blocks that are missing or lack copies are told when they become more, and when all is well") {
  ClusterHistory history;
  auto view = healthy();
  history.look(1, view);
  view.lacking = 9;
  view.missing = 2;
  history.look(2, view);
  view.lacking = 12;
  view.missing = 1;
  history.look(3, view);
  view.missing = 4;
  history.look(4, view);
  history.look(5, healthy());
  const std::vector<ClusterEvent> expected{{Kind::kBlocksMissing, "", 2},
                                           {Kind::kBlocksLacking, "", 9},
                                           {Kind::kBlocksMissing, "", 4},
                                           {Kind::kBlocksFound, "", 0},
                                           {Kind::kBlocksRepaired, "", 0}};
  CHECK(events_of(history) == expected);
}

TEST_CASE("samples have what was done since the one before, and the oldest give way") {
  ClusterHistory history;
  Traffic traffic;
  history.look(1, healthy());
  for (std::size_t i = 1; i <= ClusterHistory::kSamplesMax + 2; ++i) {
    traffic.received(i);
    history.sample(static_cast<std::int64_t>(i), 10, traffic.counts());
  }
  const auto samples = history.samples(0);
  REQUIRE(samples.size() == ClusterHistory::kSamplesMax);
  CHECK(samples.front().number == 3);
  CHECK(samples.front().traffic.received_bytes == 3);
  CHECK(samples.back().live == 2);
  CHECK(history.samples(samples.back().number - 1).size() == 1);
  CHECK(history.samples(samples.back().number).empty());
}

TEST_CASE("a sample knows of the cluster only what was said of it of late") {
  ClusterHistory history;
  history.sample(1, 10, {});
  history.look(2, healthy());
  history.sample(3, 10, {});
  history.look(4, std::nullopt);
  history.sample(5, 10, {});
  const auto samples = history.samples(0);
  REQUIRE(samples.size() == 3);
  CHECK_FALSE(samples[0].known);
  CHECK(samples[1].known);
  CHECK_FALSE(samples[2].known);
}

TEST_CASE("events are bounded, too") {
  ClusterHistory history;
  for (int i = 0; i < 2 * 300; ++i) {
    auto view = healthy();
    view.safe_mode = i % 2 == 1;
    history.look(i, view);
  }
  CHECK(history.events(0).size() == ClusterHistory::kEventsMax);
}

TEST_CASE("latencies are taken from the powers of two that requests stand under") {
  CHECK(latency_ms({}, 0.5) == 0);
  Traffic traffic;
  for (int i = 0; i < 95; ++i) traffic.served(std::chrono::microseconds(1500));
  for (int i = 0; i < 5; ++i) traffic.served(std::chrono::milliseconds(500));
  const auto counts = traffic.counts();
  CHECK(latency_ms(counts, 0.5) == Approx(1.5).epsilon(0.4));
  CHECK(latency_ms(counts, 0.95) == Approx(2.048).epsilon(0.01));
  CHECK(latency_ms(counts, 0.99) == Approx(500).epsilon(0.5));
}

TEST_CASE("no time is too short or too long to be counted") {
  Traffic traffic;
  traffic.served(std::chrono::nanoseconds(1));
  traffic.served(std::chrono::hours(24));
  const auto counts = traffic.counts();
  CHECK(counts.requests.front() == 1);
  CHECK(counts.requests.back() == 1);
}

}  // namespace
}  // namespace minidfs::http::rest
