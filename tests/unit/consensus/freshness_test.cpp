#include "consensus/freshness.hpp"

#include <catch2/catch.hpp>

namespace minidfs::consensus {
namespace {

using std::chrono::milliseconds;
using TimePoint = Freshness::TimePoint;

constexpr Term kTerm = 3;

TimePoint at(int ms) { return TimePoint{} + milliseconds(1'000'000 + ms); }

}  // namespace

TEST_CASE("the state is as new as the question was whose answer it holds") {
  Freshness freshness(milliseconds(500), 77);
  CHECK_FALSE(freshness.as_of(100).has_value());
  const auto first = freshness.ask(kTerm, at(0));
  REQUIRE(first.has_value());
  CHECK_FALSE(freshness.as_of(100).has_value());
  freshness.answered(*first, 7, 6);
  CHECK_FALSE(freshness.as_of(6).has_value());
  CHECK(freshness.as_of(7) == at(0));

  CHECK_FALSE(freshness.ask(kTerm, at(499)).has_value());
  const auto second = freshness.ask(kTerm, at(500));
  REQUIRE(second.has_value());
  freshness.answered(*second, 9, 8);
  CHECK(freshness.as_of(8) == at(0));
  CHECK(freshness.as_of(9) == at(500));
}

TEST_CASE("answers to earlier questions, and a second answer, say nothing") {
  Freshness freshness(milliseconds(500), 77);
  const auto lost = freshness.ask(kTerm, at(0));
  CHECK_FALSE(freshness.ask(kTerm, at(1999)).has_value());  // One at a time.
  const auto asked = freshness.ask(kTerm, at(2000));
  REQUIRE(asked.has_value());
  freshness.answered(*lost, 1, 1);
  CHECK_FALSE(freshness.as_of(1).has_value());
  freshness.answered(*asked, 5, 5);
  freshness.answered(*asked, 1, 1);
  CHECK_FALSE(freshness.as_of(4).has_value());
  CHECK(freshness.as_of(5) == at(2000));
}

TEST_CASE(
    "the leader of another term is asked at once, and answers of the one before say nothing") {
  Freshness freshness(milliseconds(500), 77);
  const auto lost = freshness.ask(kTerm, at(0));
  REQUIRE(lost.has_value());
  CHECK_FALSE(freshness.ask(kTerm, at(100)).has_value());
  const auto asked = freshness.ask(kTerm + 1, at(100));
  REQUIRE(asked.has_value());
  freshness.answered(*lost, 5, 5);
  CHECK_FALSE(freshness.as_of(5).has_value());
  freshness.answered(*asked, 5, 5);
  CHECK(freshness.as_of(5) == at(100));
}

TEST_CASE("an answer to what was asked in another life says nothing") {
  Freshness before(milliseconds(500), 77);
  const auto question = before.ask(kTerm, at(0));
  Freshness after(milliseconds(500), 78'001);
  REQUIRE(after.ask(kTerm, at(100)).has_value());
  after.answered(*question, 5, 5);
  CHECK_FALSE(after.as_of(5).has_value());
}

TEST_CASE("a state that always lags behind the last answer reaches those before") {
  Freshness freshness(milliseconds(500), 77);
  Index applied = 0;
  for (int round = 0; round < 10; ++round) {
    const auto asked = freshness.ask(kTerm, at(500 * round));
    REQUIRE(asked.has_value());
    freshness.answered(*asked, 10 * (static_cast<Index>(round) + 1), applied);
    applied += 8;
    // The log grows by 10 with each question, the state by 8.
    if (round >= 2) {
      REQUIRE(freshness.as_of(applied).has_value());
      CHECK(at(500 * round) - *freshness.as_of(applied) <= milliseconds(500 * (round / 3 + 3)));
    }
  }
}

}  // namespace minidfs::consensus
