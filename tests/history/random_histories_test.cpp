// The search beside one that tries every order, and on histories as long as those of a real run.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <optional>

#include "history/directory_model.hpp"
#include "history/forged_histories.hpp"
#include "history/linearizability.hpp"
#include "history/reduction.hpp"

namespace minidfs::history {
namespace {

// By the definition: some order of all known operations, and of some unknown ones, that keeps to
// the times and gives the answers.
bool some_order_holds(const DirectoryHistory& history, std::vector<bool>& done,
                      const DirectoryState& state) {
  const auto& operations = history.operations;
  bool all = true;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (done[i]) continue;
    all = all && operations[i].answer == Answer::kUnknown;
    const bool first = std::none_of(operations.begin(), operations.end(), [&](const auto& other) {
      return !done[static_cast<std::size_t>(&other - operations.data())] &&
             other.returned < operations[i].called;
    });
    auto after = state;
    if (!first || !carry_out(operations[i], after)) continue;
    done[i] = true;
    const bool holds = some_order_holds(history, done, after);
    done[i] = false;
    if (holds) return true;
  }
  return all;
}

Verdict naive_verdict(const DirectoryHistory& history) {
  std::vector<bool> done(history.operations.size(), false);
  const DirectoryState empty(history.names.size(), kNothing);
  return some_order_holds(history, done, empty) ? Verdict::kLinearizable : Verdict::kViolated;
}

// Another answer to one operation; none when it has no other that could be.
std::optional<DirectoryHistory> with_wrong_answer(DirectoryHistory history,
                                                  std::mt19937_64& random) {
  auto& operation = history.operations[random() % history.operations.size()];
  const auto values = static_cast<Value>(history.operations.size());
  const auto any = [&] {
    return static_cast<Value>(random() % static_cast<std::uint64_t>(values));
  };
  switch (operation.action) {
    case Action::kStat:
      operation.value = any();
      operation.answer = operation.value == kNothing ? Answer::kNotFound : Answer::kDone;
      return history;
    case Action::kList:
      operation.listed[random() % operation.listed.size()] = any();
      return history;
    case Action::kOverwrite:
      return std::nullopt;
    default:
      if (operation.answer == Answer::kUnknown) return std::nullopt;
      operation.answer = static_cast<Answer>(random() % 3);
      return history;
  }
}

TEST_CASE("The search says the same as one that tries every order") {
  std::mt19937_64 random(1);
  std::size_t violated = 0;
  std::size_t cases = 0;
  for (int round = 0; round < 6000; ++round) {
    const Crowd crowd{3, 2, 6, round % 2 == 0 ? 10 : 100, round % 3 == 0 ? 20 : 0};
    const auto right = happen(crowd, random);
    REQUIRE(judge(right) == Verdict::kLinearizable);
    auto wrong = with_wrong_answer(right, random);
    if (wrong && round % 5 == 0) wrong = with_wrong_answer(*wrong, random);
    if (!wrong) continue;
    ++cases;
    INFO(to_text(*wrong));
    REQUIRE(judge(*wrong) == naive_verdict(*wrong));
    violated += judge(*wrong) == Verdict::kViolated;
  }
  // Both answers have to occur.
  CHECK(violated > cases / 10);
  CHECK(violated < cases - cases / 10);
}

TEST_CASE("300 operations of 8 clients are judged, however long they overlap") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    Crowd crowd;
    crowd.longest = round % 2 == 0 ? 100 : 100'000;
    crowd.unknown_percent = round % 4 == 3 ? 1 : 0;
    const auto history = happen(crowd, random);
    INFO("round " << round);
    REQUIRE(judge(history, 200'000) == Verdict::kLinearizable);
  }
}

// A read at the end that shows what an earlier moment was.
TEST_CASE("One wrong answer among 300 is found") {
  std::mt19937_64 random(3);
  int found = 0;
  for (int round = 0; round < 20; ++round) {
    auto history = happen({}, random);
    const auto last =
        std::max_element(history.operations.begin(), history.operations.end(),
                         [](const auto& a, const auto& b) { return a.returned < b.returned; });
    Operation stale;
    stale.client = 9;
    stale.called = last->returned + 1;
    stale.returned = stale.called + 1;
    stale.action = Action::kList;
    stale.answer = Answer::kDone;
    stale.listed.assign(history.names.size(), kNothing);
    stale.listed[0] = 1 + static_cast<Value>(random() % 100);
    stale.listed[1] = stale.listed[0];
    history.operations.push_back(stale);
    REQUIRE(judge(history) == Verdict::kViolated);
    ++found;
  }
  CHECK(found == 20);
}

TEST_CASE("A wrong answer in the middle is found with a history that ends there") {
  std::mt19937_64 random(4);
  int violated = 0;
  for (int round = 0; round < 15; ++round) {
    const auto wrong = with_wrong_answer(happen({}, random), random);
    if (!wrong) continue;
    const auto verdict = judge(*wrong);
    REQUIRE(verdict != Verdict::kUndecided);
    if (verdict != Verdict::kViolated) continue;
    ++violated;
    const auto smallest = smallest_violation(*wrong);
    CHECK(judge(smallest) == Verdict::kViolated);
    CHECK(smallest.operations.size() <= wrong->operations.size());
  }
  CHECK(violated > 2);
}

}  // namespace
}  // namespace minidfs::history
