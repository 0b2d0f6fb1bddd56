#include "client/node_health.hpp"

#include <catch2/catch.hpp>

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kBlock = 64ULL << 20;

struct PaceFixture {
  NodeId a{1, 1}, b{2, 2}, c{3, 3}, d{4, 4};
  PaceBook book;
  PaceBook::TimePoint now{};

  std::vector<NodeId> note(const std::vector<NodeId>& pipeline, milliseconds duration,
                           std::uint64_t bytes = kBlock) {
    now += duration;
    return book.note(pipeline, bytes, duration, now);
  }
};

TEST_CASE("A node is slow when all its blocks are and those without it are not") {
  PaceFixture pace;
  CHECK(pace.note({pace.a, pace.b, pace.d}, seconds(4)).empty());
  CHECK(pace.note({pace.a, pace.b, pace.c}, milliseconds(300)).empty());
  CHECK(pace.note({pace.b, pace.c, pace.d}, seconds(4)).empty());
  CHECK(pace.note({pace.c, pace.a, pace.d}, seconds(4)) == std::vector<NodeId>{pace.d});
}

TEST_CASE("When every block is slow no node is to blame") {
  PaceFixture pace;
  for (int i = 0; i < 10; ++i) CHECK(pace.note({pace.a, pace.b, pace.c}, seconds(4)).empty());
}

TEST_CASE("Small differences, short times and small blocks say nothing") {
  PaceFixture pace;
  pace.note({pace.a}, milliseconds(100));
  SECTION("less than the factor") {
    for (int i = 0; i < 5; ++i) CHECK(pace.note({pace.b}, milliseconds(390)).empty());
  }
  SECTION("less than the shortest time that counts") {
    for (int i = 0; i < 5; ++i) CHECK(pace.note({pace.b}, milliseconds(900)).empty());
  }
  SECTION("small blocks") {
    for (int i = 0; i < 5; ++i) CHECK(pace.note({pace.b}, seconds(4), 1000).empty());
  }
}

TEST_CASE("What was noticed long ago is forgotten") {
  PaceFixture pace;
  pace.note({pace.a}, milliseconds(100));
  pace.now += PaceBook::kSampleLife + seconds(1);
  for (int i = 0; i < 5; ++i) CHECK(pace.note({pace.b}, seconds(4)).empty());
}

TEST_CASE("A failed node is a suspect until it is forgiven, a slow one stays one") {
  NodeHealth health;
  const NodeId failed{1, 1};
  const NodeId slow{2, 2};
  health.note_failed(failed);
  health.note_slow(slow);
  CHECK(health.has_failed(failed));
  CHECK_FALSE(health.has_failed(slow));
  CHECK(health.is_suspect(slow));
  CHECK(health.failed() == std::vector<NodeId>{failed});
  CHECK(health.slow() == std::vector<NodeId>{slow});
  health.forgive();
  CHECK_FALSE(health.is_suspect(failed));
  CHECK(health.is_suspect(slow));
}

}  // namespace
}  // namespace minidfs::client
