#include "history/forged_histories.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <sstream>
#include <utility>

#include "history/directory_model.hpp"
#include "history/history_file.hpp"

namespace minidfs::history {
namespace {

Operation draw(const Crowd& crowd, Value value, std::mt19937_64& random) {
  Operation operation;
  operation.action = static_cast<Action>(random() % 6);
  operation.name = static_cast<Name>(random() % crowd.names);
  if (operation.action == Action::kCreate || operation.action == Action::kOverwrite) {
    operation.value = value;
  }
  if (operation.action == Action::kRename) {
    operation.target =
        static_cast<Name>((operation.name + 1 + random() % (crowd.names - 1)) % crowd.names);
  }
  return operation;
}

// The answer of a right directory in this state, which changes.
void answer(Operation& operation, DirectoryState& state) {
  if (operation.action == Action::kStat) operation.value = state[operation.name];
  if (operation.action == Action::kList) operation.listed = state;
  for (const auto given : {Answer::kDone, Answer::kNotFound, Answer::kExists}) {
    auto after = state;
    operation.answer = given;
    if (!carry_out(operation, after)) continue;
    state = std::move(after);
    return;
  }
  FAIL("the directory answers nothing");
}

}  // namespace

DirectoryHistory forge(const std::string& text) {
  std::map<std::uint32_t, std::string> files;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::uint32_t client = 0;
    std::string called;
    std::string returned;
    if (!(fields >> client >> called >> returned)) continue;
    std::string words;
    std::getline(fields, words);
    const auto colon = words.find(": ");
    INFO(line);
    REQUIRE(colon != std::string::npos);
    files[client] += "> " + called + " /d" + words.substr(0, colon) + "\n< " +
                     (returned == "never" ? called : returned) + words.substr(colon + 1) + "\n";
  }
  RecordedRun run;
  for (const auto& [client, file] : files) {
    const auto read =
        read_client("forged", "minidfs-history 1 " + std::to_string(client) + "\n" + file, run);
    INFO((read.ok() ? "" : read.error().message));
    REQUIRE(read.ok());
  }
  REQUIRE(run.directories.size() == 1);
  return run.directories.begin()->second;
}

DirectoryHistory happen(const Crowd& crowd, std::mt19937_64& random) {
  DirectoryHistory history;
  history.directory = "/random";
  for (std::uint32_t i = 0; i < crowd.names; ++i) history.name("f" + std::to_string(i));
  std::vector<std::pair<Nanoseconds, std::size_t>> moments;  // At which each operation happens.
  std::vector<Nanoseconds> free_at(crowd.clients, 0);
  const auto some = [&] {
    return 1 + static_cast<Nanoseconds>(random() % static_cast<std::uint64_t>(crowd.longest));
  };
  for (std::size_t i = 0; i < crowd.operations; ++i) {
    auto operation = draw(crowd, static_cast<Value>(i + 1), random);
    operation.client = static_cast<std::uint32_t>(std::min_element(free_at.begin(), free_at.end()) -
                                                  free_at.begin());
    operation.called = free_at[operation.client] + some();
    operation.returned = operation.called + some();
    free_at[operation.client] = operation.returned;
    const auto length = static_cast<std::uint64_t>(operation.returned - operation.called);
    moments.emplace_back(operation.called + static_cast<Nanoseconds>(random() % length), i);
    history.operations.push_back(std::move(operation));
  }
  std::sort(moments.begin(), moments.end());
  DirectoryState state(crowd.names, kNothing);
  for (const auto& [moment, i] : moments) answer(history.operations[i], state);
  for (auto& operation : history.operations) {
    if (operation.is_read() || static_cast<int>(random() % 100) >= crowd.unknown_percent) continue;
    operation.answer = Answer::kUnknown;
    operation.returned = kNever;
  }
  return history;
}

}  // namespace minidfs::history
