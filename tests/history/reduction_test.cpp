#include "history/reduction.hpp"

#include <catch2/catch.hpp>

#include "history/forged_histories.hpp"
#include "history/linearizability.hpp"

namespace minidfs::history {
namespace {

TEST_CASE("The smallest violation ends where it shows and has no reads that show nothing") {
  const auto history = forge(
      "1 10 20 create a 1: done\n"
      "2 12 18 list: listed\n"
      "1 30 40 overwrite a 2: done\n"
      "2 41 44 stat b: notfound\n"
      "2 50 60 stat a: found 1\n"
      "3 45 900 remove a: done\n"
      "1 70 80 create c 3: done\n"
      "2 90 95 list: listed a=7\n");
  REQUIRE(judge(history) == Verdict::kViolated);
  CHECK(to_text(smallest_violation(history)) ==
        "client 1  0.000 - 0.000  create a 1: done\n"
        "client 1  0.000 - 0.000  overwrite a 2: done\n"
        "client 3  0.000 - never  remove a: unknown\n"
        "client 2  0.000 - 0.000  stat a: found 1\n");
}

TEST_CASE("What was refused stays when it is what shows the violation") {
  const auto history = forge(
      "1 10 20 create a 1: done\n"
      "2 30 40 remove b: notfound\n"
      "2 50 60 remove a: notfound\n");
  CHECK(to_text(smallest_violation(history)) ==
        "client 1  0.000 - 0.000  create a 1: done\n"
        "client 2  0.000 - 0.000  remove a: notfound\n");
}

}  // namespace
}  // namespace minidfs::history
