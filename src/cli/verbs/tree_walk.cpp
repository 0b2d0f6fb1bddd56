#include "cli/verbs/tree_walk.hpp"

#include <utility>
#include <vector>

#include "base/path.hpp"

namespace minidfs::cli {

using metadata::FileKind;
using metadata::FileStatus;

Result<std::vector<FileStatus>> list_what_is_left(client::FileSystem& files,
                                                  const std::string& directory) {
  auto entries = files.list(directory);
  if (entries.ok()) return entries;
  const auto code = entries.error().code;
  if (code == Errc::kNotFound || code == Errc::kNotADirectory) return std::vector<FileStatus>();
  return entries;
}

Status walk_tree(client::FileSystem& files, const FileStatus& root, const std::string& path,
                 const TreeVisitor& visit) {
  MDFS_CHECK(visit(root, path));
  if (root.kind == FileKind::kFile) return {};
  std::vector<std::string> directories{path};
  while (!directories.empty()) {
    const auto directory = std::move(directories.back());
    directories.pop_back();
    MDFS_TRY(const auto entries, list_what_is_left(files, directory));
    for (const auto& entry : entries) {
      auto child = join_path(directory, entry.name);
      MDFS_CHECK(visit(entry, child));
      if (entry.kind == FileKind::kDirectory) directories.push_back(std::move(child));
    }
  }
  return {};
}

Status for_each_file(client::FileSystem& files, const std::string& path, const TreeVisitor& visit) {
  MDFS_TRY(const auto root, files.stat(path));
  return walk_tree(files, root, path, [&](const FileStatus& entry, const std::string& entry_path) {
    return entry.kind == FileKind::kFile ? visit(entry, entry_path) : Status();
  });
}

}  // namespace minidfs::cli
