#include "history/linearizability.hpp"

#include <catch2/catch.hpp>

#include "history/forged_histories.hpp"

namespace minidfs::history {
namespace {

bool holds(const std::string& text) {
  const auto verdict = judge(forge(text));
  REQUIRE(verdict != Verdict::kUndecided);
  return verdict == Verdict::kLinearizable;
}

TEST_CASE("A history in which everything comes one by one holds when its answers are right") {
  CHECK(
      holds("1 10 20 create a 1: done\n"
            "2 30 40 create a 2: exists\n"
            "1 50 60 stat a: found 1\n"
            "2 70 80 rename a b: done\n"
            "1 90 95 list: listed b=1\n"
            "2 100 110 overwrite b 3: done\n"
            "1 120 130 remove b: done\n"
            "2 140 150 remove b: notfound\n"
            "1 160 170 list: listed\n"));
}

TEST_CASE("What overlaps a change may see the directory before it or after it") {
  CHECK(
      holds("1 10 100 create a 1: done\n"
            "2 20 30 stat a: notfound\n"
            "2 40 50 stat a: found 1\n"));
  CHECK(
      holds("1 10 100 create a 1: done\n"
            "2 10 100 create a 2: exists\n"
            "3 10 100 list: listed\n"));
  CHECK(
      holds("1 10 20 create a 1: done\n"
            "1 30 900 rename a b: done\n"
            "2 40 50 list: listed a=1\n"
            "2 60 70 create b 2: exists\n"
            "3 65 80 list: listed b=1\n"));
}

TEST_CASE("What happens in the same nanosecond overlaps") {
  CHECK(
      holds("1 10 20 create a 1: done\n"
            "2 20 30 stat a: notfound\n"));
}

TEST_CASE("A call that lasts while many others come and go is done at one moment of its own") {
  std::string text = "0 1 100000 rename a b: done\n1 2 3 create a 1: done\n";
  for (int i = 0; i < 100; ++i) {
    const auto at = std::to_string(10 + 10 * i) + " " + std::to_string(15 + 10 * i);
    text += "1 " + at + (i < 60 ? " list: listed a=1\n" : " list: listed b=1\n");
  }
  CHECK(holds(text));
  // It cannot be undone.
  CHECK_FALSE(holds(text + "1 5000 5001 list: listed a=1\n"));
}

TEST_CASE("A stale read does not hold") {
  CHECK_FALSE(
      holds("1 10 20 overwrite a 1: done\n"
            "1 30 40 overwrite a 2: done\n"
            "2 50 60 stat a: found 1\n"));
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "2 30 40 list: listed\n"));
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "1 30 40 remove a: done\n"
            "2 50 60 stat a: found 1\n"));
}

TEST_CASE("Reads that go back in time do not hold, although the change is still under way") {
  CHECK_FALSE(
      holds("1 10 900 create a 1: done\n"
            "2 20 30 stat a: found 1\n"
            "3 40 50 stat a: notfound\n"));
}

TEST_CASE("A change that was answered and is lost does not hold") {
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "2 30 40 create a 2: done\n"));
  CHECK_FALSE(
      holds("1 10 20 overwrite a 1: done\n"
            "2 30 40 remove a: notfound\n"));
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "1 30 40 remove a: done\n"
            "2 50 60 create a 2: exists\n"));
}

TEST_CASE("A change that is done twice does not hold") {
  // The first answer was lost, and the repetition was carried out again.
  CHECK_FALSE(
      holds("1 10 100 create a 1: exists\n"
            "2 200 210 stat a: found 1\n"));
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "2 30 100 remove a: notfound\n"
            "1 200 210 list: listed\n"));
  // It was done once more after another client's change.
  CHECK_FALSE(
      holds("1 10 100 create a 1: done\n"
            "2 110 120 remove a: done\n"
            "2 130 140 stat a: found 1\n"));
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "1 30 100 rename a b: done\n"
            "2 110 120 create a 2: done\n"
            "2 130 140 remove b: done\n"
            "3 150 160 list: listed b=2\n"));
}

TEST_CASE("Changes that take effect in another order than they were answered do not hold") {
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "1 30 40 rename a b: done\n"
            "1 50 60 create a 2: done\n"
            "2 70 80 list: listed a=1 b=2\n"));
  CHECK_FALSE(
      holds("1 10 20 overwrite a 1: done\n"
            "2 30 40 overwrite a 2: done\n"
            "3 50 60 list: listed a=1\n"));
}

TEST_CASE("Two readers who see two changes in different orders do not hold") {
  const std::string changes = "1 10 900 create a 1: done\n2 10 900 create b 2: done\n";
  CHECK(holds(changes + "3 20 30 list: listed a=1\n4 40 50 list: listed a=1 b=2\n"));
  CHECK_FALSE(holds(changes + "3 20 30 list: listed a=1\n4 20 30 list: listed b=2\n"));
}

TEST_CASE("Half a change does not hold") {
  const std::string before = "1 10 20 create a 1: done\n1 30 900 rename a b: done\n";
  CHECK_FALSE(holds(before + "2 40 50 list: listed a=1 b=1\n"));
  CHECK_FALSE(holds(before + "2 40 50 list: listed\n"));
  // A listing that was put together from two moments.
  CHECK_FALSE(
      holds("1 10 20 create a 1: done\n"
            "1 30 40 create b 2: done\n"
            "2 5 50 list: listed b=2\n"));
}

TEST_CASE("What nobody has written does not hold") {
  CHECK_FALSE(holds("1 10 20 create a 1: done\n2 30 40 stat a: found 7\n"));
  CHECK_FALSE(holds("1 10 20 create a 1: done\n2 30 40 list: listed a=1 c=7\n"));
  CHECK_FALSE(holds("1 10 20 create a 1: done\n2 5 40 stat a: found 2\n2 50 60 remove a: done\n"));
  // A value before it was written.
  CHECK_FALSE(holds("1 10 20 stat a: found 1\n2 30 40 create a 1: done\n"));
}

TEST_CASE("A change whose outcome is unknown was done at any later time, or never") {
  const std::string unknown = "1 10 never create a 1: unknown\n";
  CHECK(holds(unknown + "2 20 30 stat a: notfound\n2 40 50 list: listed\n"));
  CHECK(holds(unknown + "2 20 30 stat a: found 1\n"));
  CHECK(holds(unknown + "2 20 30 remove a: notfound\n2 40 50 stat a: found 1\n"));
  CHECK_FALSE(holds(unknown + "2 20 30 stat a: found 1\n2 40 50 stat a: notfound\n"));
  CHECK_FALSE(holds(unknown + "2 1 5 stat a: found 1\n"));
  // Not twice.
  CHECK_FALSE(holds(unknown +
                    "2 20 30 stat a: found 1\n2 40 50 remove a: done\n2 60 70 stat a: found 1\n"));
}

TEST_CASE("Several unknown changes are tried in every order") {
  const std::string unknown =
      "1 10 never create a 1: unknown\n"
      "2 10 never rename a b: unknown\n"
      "3 10 never remove b: unknown\n";
  CHECK(holds(unknown +
              "4 20 30 list: listed a=1\n4 40 50 list: listed b=1\n4 60 70 list: listed\n"));
  CHECK(holds(unknown + "4 20 30 list: listed b=1\n"));
  CHECK_FALSE(holds(unknown + "4 20 30 list: listed b=1\n4 40 50 list: listed a=1\n"));
}

TEST_CASE("A history that would take too long to judge is called undecided") {
  // The same of 12 names in any order, and then something that never was.
  std::string text;
  for (int i = 0; i < 12; ++i) {
    text += std::to_string(i) + " 10 100 create f" + std::to_string(i) + " 1: done\n";
  }
  text += "20 200 210 stat f0: found 2\n";
  CHECK(judge(forge(text), 1000) == Verdict::kUndecided);
  CHECK(judge(forge(text)) == Verdict::kViolated);
}

}  // namespace
}  // namespace minidfs::history
