#include "history/reduction.hpp"

#include <algorithm>
#include <utility>

#include "history/linearizability.hpp"

namespace minidfs::history {
namespace {

// What was known at `end`.
DirectoryHistory until(const DirectoryHistory& history, Nanoseconds end) {
  DirectoryHistory before{history.directory, history.names, {}};
  for (auto operation : history.operations) {
    if (operation.called > end) continue;
    if (operation.returned > end) {
      if (operation.is_read()) continue;
      operation.answer = Answer::kUnknown;
      operation.returned = kNever;
    }
    before.operations.push_back(std::move(operation));
  }
  return before;
}

bool is_violated(const DirectoryHistory& history) { return judge(history) == Verdict::kViolated; }

// A beginning of a history that is linearizable is so itself, hence the first that is not is found
// by halving.
DirectoryHistory shortest_beginning(const DirectoryHistory& history) {
  std::vector<Nanoseconds> ends;
  for (const auto& operation : history.operations) {
    if (operation.returned != kNever) ends.push_back(operation.returned);
  }
  std::sort(ends.begin(), ends.end());
  const auto first = std::partition_point(
      ends.begin(), ends.end(), [&](Nanoseconds end) { return !is_violated(until(history, end)); });
  return first == ends.end() ? history : until(history, *first);
}

}  // namespace

DirectoryHistory smallest_violation(const DirectoryHistory& history) {
  auto smallest = shortest_beginning(history);
  for (auto i = smallest.operations.size(); i-- > 0;) {
    const auto& operation = smallest.operations[i];
    const bool refused =
        operation.answer == Answer::kNotFound || operation.answer == Answer::kExists;
    if (!operation.is_read() && !refused) continue;
    auto without = smallest;
    without.operations.erase(without.operations.begin() + static_cast<std::ptrdiff_t>(i));
    if (is_violated(without)) smallest = std::move(without);
  }
  return smallest;
}

}  // namespace minidfs::history
