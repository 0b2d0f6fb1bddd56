#include "cli/verbs/local_tree.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/path.hpp"

namespace minidfs::cli {
namespace {

namespace fs = std::filesystem;

struct Directory {
  std::string local_path;
  std::string path;
};

// A walk in progress; an explicit stack, because a tree may be deeper than the machine's.
struct Walk {
  std::vector<Directory> pending;
  LocalTree& tree;

  void add_entry(const fs::directory_entry& entry, const Directory& parent);
  void add_directory(const Directory& directory);
};

void Walk::add_entry(const fs::directory_entry& entry, const Directory& parent) {
  const std::string& local_path = entry.path().native();
  const std::string path = join_path(parent.path, entry.path().filename().native());
  std::error_code problem;
  // Asked in this way an entry that is no link mostly knows its type from its directory.
  const bool is_link = entry.is_symlink(problem);
  if (entry.is_regular_file(problem)) {
    if (::access(local_path.c_str(), R_OK) == 0) {
      tree.files.push_back({local_path, path});
    } else {
      tree.problems.push_back(errno_error(errno, local_path));
    }
  } else if (entry.is_directory(problem)) {
    if (is_link) {
      tree.problems.push_back(
          {Errc::kUnsupported, local_path + ": a link to a directory, left out"});
    } else {
      pending.push_back({local_path, path});
    }
  } else if (entry.exists(problem)) {
    tree.problems.push_back({Errc::kUnsupported, local_path + ": not a regular file, left out"});
  } else {
    const std::string what = is_link ? ": a link to what does not exist" : ": cannot be examined";
    tree.problems.push_back({Errc::kNotFound, local_path + what});
  }
}

void Walk::add_directory(const Directory& directory) {
  std::error_code problem;
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator iterator(directory.local_path, problem);
  while (!problem && iterator != fs::directory_iterator()) {
    entries.push_back(*iterator);
    iterator.increment(problem);
  }
  if (problem) {
    tree.problems.push_back(errno_error(problem.value(), directory.local_path));
    return;
  }
  tree.directories.push_back({directory.local_path, directory.path});
  std::sort(entries.begin(), entries.end());
  const std::size_t files_before = tree.files.size();
  const std::size_t pending_before = pending.size();
  for (const auto& entry : entries) add_entry(entry, directory);
  if (tree.files.size() == files_before && pending.size() == pending_before) {
    tree.empty_directories.push_back(directory.path);
  }
  // The stack gives back its last entry first.
  std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(pending_before), pending.end());
}

}  // namespace

void add_local_tree(const std::string& root, const std::string& path, LocalTree& tree) {
  Walk walk{{{root, path}}, tree};
  while (!walk.pending.empty()) {
    const auto directory = std::move(walk.pending.back());
    walk.pending.pop_back();
    walk.add_directory(directory);
  }
}

}  // namespace minidfs::cli
