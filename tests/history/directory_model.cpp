#include "history/directory_model.hpp"

#include <utility>

namespace minidfs::history {
namespace {

// A listing that is too short has nothing of the other names.
bool shows(const std::vector<Value>& listed, const DirectoryState& state) {
  for (std::size_t i = 0; i < state.size(); ++i) {
    if ((i < listed.size() ? listed[i] : kNothing) != state[i]) return false;
  }
  return true;
}

// The answer; the value that a stat finds goes to `found`.
Answer answer_in(const Operation& operation, DirectoryState& state, Value& found) {
  switch (operation.action) {
    case Action::kCreate:
      if (state[operation.name] != kNothing) return Answer::kExists;
      state[operation.name] = operation.value;
      return Answer::kDone;
    case Action::kOverwrite:
      state[operation.name] = operation.value;
      return Answer::kDone;
    case Action::kRename:
      if (state[operation.name] == kNothing) return Answer::kNotFound;
      if (operation.name == operation.target) return Answer::kDone;
      if (state[operation.target] != kNothing) return Answer::kExists;
      state[operation.target] = std::exchange(state[operation.name], kNothing);
      return Answer::kDone;
    case Action::kRemove:
      if (state[operation.name] == kNothing) return Answer::kNotFound;
      state[operation.name] = kNothing;
      return Answer::kDone;
    case Action::kStat:
      found = state[operation.name];
      return found == kNothing ? Answer::kNotFound : Answer::kDone;
    case Action::kList:
      break;
  }
  return Answer::kDone;
}

}  // namespace

bool carry_out(const Operation& operation, DirectoryState& state) {
  Value found = kNothing;
  const auto answer = answer_in(operation, state, found);
  if (operation.answer == Answer::kUnknown) return true;
  if (operation.answer != answer) return false;
  if (operation.action == Action::kStat) return operation.value == found;
  return operation.action != Action::kList || shows(operation.listed, state);
}

}  // namespace minidfs::history
