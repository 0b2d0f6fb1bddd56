// What clients saw of one directory: each operation with the times of its call and its return. A
// history is recorded by history_writer, kept in files (history_file) and judged by
// linearizability.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace minidfs::history {

// Which write a file comes from: every write of a run has a number of its own, above 0.
using Value = std::int64_t;
inline constexpr Value kNothing = 0;  // No file of that name.

// Of one steady clock for all clients.
using Nanoseconds = std::int64_t;
inline constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

// A file's name, as its place in DirectoryHistory::names.
using Name = std::uint32_t;

enum class Action : std::uint8_t {
  kCreate,     // A file that must not exist yet.
  kOverwrite,  // A file, whether or not there is one.
  kRename,     // To a name that must not exist yet.
  kRemove,
  kStat,  // Finds the value of one file.
  kList,  // Finds the values of all.
};

enum class Answer : std::uint8_t {
  kDone,
  kNotFound,
  kExists,
  kUnknown,  // It was done at any time after its call, or never will be.
};

struct Operation {
  std::uint32_t client = 0;
  Nanoseconds called = 0;
  Nanoseconds returned = kNever;  // Never before `called`; kNever when the answer is unknown.
  Action action = Action::kStat;
  Name name = 0;           // But of a list.
  Name target = 0;         // Of a rename.
  Value value = kNothing;  // That was written, or that a stat found.
  Answer answer = Answer::kUnknown;
  std::vector<Value> listed{};  // Of a list: the value of each name; of those behind, nothing.

  bool is_read() const { return action == Action::kStat || action == Action::kList; }
};

// Operations of one directory, which is empty when the first is called. A client's next call comes
// after its last one has returned.
struct DirectoryHistory {
  std::string directory;
  std::vector<std::string> names;
  std::vector<Operation> operations;

  // Adds the name unless it is there.
  Name name(const std::string& text);
};

// One line for each operation in the order of the calls, with times in ms since the first.
std::string to_text(const DirectoryHistory& history);

}  // namespace minidfs::history
