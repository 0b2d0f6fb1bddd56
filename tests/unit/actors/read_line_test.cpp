#include "actors/read_line.hpp"

#include <catch2/catch.hpp>

namespace minidfs::actors {
namespace {

using Reads = std::vector<int>;

TEST_CASE("A read is confirmed by a question that was asked after it came, never by an older one") {
  ReadLine<int> line(10);
  CHECK(line.ask() == 0);
  line.add(1);
  const auto first = line.ask();
  REQUIRE(first != 0);
  line.add(2);
  line.add(3);
  CHECK(line.ask() == 0);
  CHECK(line.take(first) == Reads{1});
  const auto second = line.ask();
  REQUIRE(second != 0);
  CHECK(second != first);
  // The first answer comes again.
  CHECK(line.take(first).empty());
  CHECK(line.take(second) == Reads{2, 3});
  CHECK(line.ask() == 0);
}

TEST_CASE("When nothing will be confirmed any more all reads are given back, in their order") {
  ReadLine<int> line(10);
  line.add(1);
  const auto asked = line.ask();
  line.add(2);
  CHECK(line.take_all() == Reads{1, 2});
  CHECK(line.take(asked).empty());
  line.add(3);
  const auto next = line.ask();
  CHECK(line.take(asked).empty());
  CHECK(line.take(next) == Reads{3});
}

TEST_CASE("A line holds so many reads that wait, besides those that were asked for") {
  ReadLine<int> line(2);
  line.add(1);
  REQUIRE(line.ask() != 0);
  line.add(2);
  CHECK_FALSE(line.is_full());
  line.add(3);
  CHECK(line.is_full());
}

}  // namespace
}  // namespace minidfs::actors
