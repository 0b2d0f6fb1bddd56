#include "history/history.hpp"

#include <algorithm>
#include <cstdio>

namespace minidfs::history {
namespace {

std::string ms_text(Nanoseconds time, Nanoseconds start) {
  if (time == kNever) return "never";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(time - start) / 1e6);
  return text;
}

std::string listing_text(const DirectoryHistory& history, const Operation& operation) {
  std::string text = "listed";
  for (Name i = 0; i < operation.listed.size(); ++i) {
    if (operation.listed[i] == kNothing) continue;
    text += " " + history.names[i] + "=" + std::to_string(operation.listed[i]);
  }
  return text;
}

std::string call_text(const DirectoryHistory& history, const Operation& operation) {
  switch (operation.action) {
    case Action::kCreate:
      return "create " + history.names[operation.name] + " " + std::to_string(operation.value);
    case Action::kOverwrite:
      return "overwrite " + history.names[operation.name] + " " + std::to_string(operation.value);
    case Action::kRename:
      return "rename " + history.names[operation.name] + " " + history.names[operation.target];
    case Action::kRemove:
      return "remove " + history.names[operation.name];
    case Action::kStat:
      return "stat " + history.names[operation.name];
    case Action::kList:
      break;
  }
  return "list";
}

std::string answer_text(const DirectoryHistory& history, const Operation& operation) {
  switch (operation.answer) {
    case Answer::kDone:
      if (operation.action == Action::kStat) return "found " + std::to_string(operation.value);
      return operation.action == Action::kList ? listing_text(history, operation) : "done";
    case Answer::kNotFound:
      return "notfound";
    case Answer::kExists:
      return "exists";
    case Answer::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace

Name DirectoryHistory::name(const std::string& text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) names.push_back(text);
  return static_cast<Name>(
      std::distance(names.begin(), std::find(names.begin(), names.end(), text)));
}

std::string to_text(const DirectoryHistory& history) {
  auto operations = history.operations;
  std::stable_sort(operations.begin(), operations.end(),
                   [](const auto& a, const auto& b) { return a.called < b.called; });
  std::string text;
  for (const auto& operation : operations) {
    const auto start = operations.front().called;
    text += "client " + std::to_string(operation.client) + "  " + ms_text(operation.called, start) +
            " - " + ms_text(operation.returned, start) + "  " + call_text(history, operation) +
            ": " + answer_text(history, operation) + "\n";
  }
  return text;
}

}  // namespace minidfs::history
