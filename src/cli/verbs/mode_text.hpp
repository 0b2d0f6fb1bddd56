// Modes of files as chmod takes them: "0755", "u+x,go-w", "a=rX". Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace minidfs::cli {

// One clause of a mode.
struct ModeClause {
  std::uint16_t classes = 0;    // Whose bits it is about: 0700, 0070, 0007, and 01000.
  char action = '=';            // '+', '-' or '='.
  std::uint16_t bits = 0;       // For all classes, such as 0444.
  bool execute_if_any = false;  // "X": execution of directories, and of what somebody may execute.
};

// Clauses are carried out in their order.
using ModeChange = std::vector<ModeClause>;

// Errors: kInvalidArgument, in the words of HDFS's shell.
Result<ModeChange> parse_mode(const std::string& text);

std::uint16_t changed_mode(const ModeChange& change, std::uint16_t mode, bool is_directory);

}  // namespace minidfs::cli
