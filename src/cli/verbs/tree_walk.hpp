// Goes through a part of the file system for verbs that take whole trees.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/file_system.hpp"

namespace minidfs::cli {

// Gets a status and the path that it is of; an error ends the walk.
using TreeVisitor = std::function<Status(const metadata::FileStatus&, const std::string& path)>;

// The entries of a directory that was there a moment ago: none when it has been removed since.
Result<std::vector<metadata::FileStatus>> list_what_is_left(client::FileSystem& files,
                                                            const std::string& directory);

// Calls `visit` for `root`, whose path is given, and for all below it, each directory before what
// is in it. What is removed meanwhile is left out, and hides nothing else.
Status walk_tree(client::FileSystem& files, const metadata::FileStatus& root,
                 const std::string& path, const TreeVisitor& visit);

// Calls `visit` for the file at `path`, or for every file below the directory there.
Status for_each_file(client::FileSystem& files, const std::string& path, const TreeVisitor& visit);

}  // namespace minidfs::cli
