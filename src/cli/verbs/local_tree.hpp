// Finds the local files that `put -r` copies, and the names they get.
#pragma once

#include <string>
#include <vector>

#include "client/file_system.hpp"

namespace minidfs::cli {

struct LocalTree {
  std::vector<client::LocalFile> files;        // Sorted by path within each directory.
  std::vector<client::LocalFile> directories;  // All of them, with the root.
  std::vector<std::string> empty_directories;  // In the file system; all others hold files.
  std::vector<Error> problems;  // What is left out: special files, broken links, no permission.
};

// Adds everything below the local directory `root`, which becomes `path` in the file system.
// Symbolic links to files are followed; links to directories are left out, they could form a ring.
void add_local_tree(const std::string& root, const std::string& path, LocalTree& tree);

}  // namespace minidfs::cli
