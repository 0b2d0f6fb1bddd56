#include "metadata/report_grants.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart{};

NodeIndex node(std::uint16_t number) { return NodeIndex{number}; }

}  // namespace

TEST_CASE("So many nodes report at a time, and each that ends makes room for another") {
  ReportGrants grants({2, milliseconds(1000)});
  CHECK(grants.ask(node(1), kStart));
  CHECK(grants.ask(node(2), kStart));
  CHECK_FALSE(grants.ask(node(3), kStart));
  CHECK(grants.ask(node(1), kStart));  // It has its grant already.
  grants.end(node(1));
  CHECK(grants.ask(node(3), kStart));
  CHECK_FALSE(grants.ask(node(1), kStart));
  grants.end(node(7));  // It never had one.
  CHECK(grants.granted() == 2);
}

TEST_CASE("A node that sends nothing loses its turn when another one waits, and gets it again") {
  ReportGrants grants({1, milliseconds(1000)});
  REQUIRE(grants.ask(node(1), kStart));
  CHECK_FALSE(grants.ask(node(2), kStart + milliseconds(900)));
  grants.heard(node(1), kStart + milliseconds(900));
  CHECK_FALSE(grants.ask(node(2), kStart + milliseconds(1800)));
  CHECK(grants.ask(node(2), kStart + milliseconds(1900)));
  CHECK_FALSE(grants.ask(node(1), kStart + milliseconds(1900)));
  grants.heard(node(1),
               kStart + milliseconds(1950));  // Late: it has no grant, and gets none by it.
  CHECK(grants.granted() == 1);
  grants.end(node(2));
  CHECK(grants.ask(node(1), kStart + milliseconds(2000)));
}

TEST_CASE("A thousand nodes that ask in step have all had their turn after five heartbeats") {
  ReportGrants grants;
  std::vector<NodeIndex> waiting;
  for (std::uint16_t node = 0; node < 1000; ++node) waiting.push_back(NodeIndex{node});
  int beats = 0;
  for (; !waiting.empty(); ++beats) {
    std::vector<NodeIndex> granted;
    std::erase_if(waiting, [&](NodeIndex node) {
      const bool its_turn = grants.ask(node, TimePoint{});
      if (its_turn) granted.push_back(node);
      return its_turn;
    });
    REQUIRE_FALSE(granted.empty());
    for (const NodeIndex node : granted) grants.end(node);
  }
  CHECK(beats <= 5);
}

}  // namespace minidfs::metadata
