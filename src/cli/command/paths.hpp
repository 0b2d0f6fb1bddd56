// Paths as operands: what may be given, and which name a copy or move gets. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace minidfs::cli {

// A path of the file system as the user wrote it, with repeated and trailing slashes removed.
// Errors: kInvalidArgument for a relative path, "." or "..", or a name over 255 bytes.
Result<std::string> dfs_path(std::string_view operand);

// The last component; empty for "/".
std::string base_name(std::string_view path);

// The last component of a local path as the file system would name it: of "photos/", "." or "..".
std::string local_base_name(const std::string& path);

// kInvalidArgument when two of several sources would get the same name in a directory. Pure.
Status refuse_same_names(const std::vector<std::string>& paths);

enum class TargetState { kMissing, kFile, kDirectory };

// What is known of the last operand of put, get or mv.
struct Target {
  std::string path;
  TargetState state = TargetState::kMissing;
  bool into = false;  // Written with a slash at its end: must be a directory.
  bool many_sources = false;
  bool exact = false;  // Never one to put the source in.
};

struct CopySource {
  std::string name;  // Last component.
  bool is_directory = false;
};

// The path that the copy of a source gets, by the rules of cp: into a directory that exists, or
// as the target itself. Errors: kNotFound, kNotADirectory, kInvalidArgument (a source without
// name).
Result<std::string> resolve_target(const Target& target, const CopySource& source);

// From now on the target is what the one source becomes, also when it is a directory (cp -T).
// kInvalidArgument for several sources.
Status take_exactly(Target& target);

}  // namespace minidfs::cli
