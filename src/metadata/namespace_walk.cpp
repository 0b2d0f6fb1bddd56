#include "metadata/namespace_walk.hpp"

namespace minidfs::metadata {
namespace {

// The path made of the first `count` components.
std::string prefix(const PathComponents& components, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path.append("/").append(components[i]);
  return path;
}

}  // namespace

Result<Walk> walk(NamespaceTable& table, const PathComponents& components, std::size_t count) {
  Walk reached;
  for (; reached.depth < count; ++reached.depth) {
    MDFS_TRY(const Found found, table.find({reached.directory, components[reached.depth]}));
    if (!found.exists()) break;
    if (!found.is_directory()) {
      reached.blocked = true;
      break;
    }
    reached.directory = found.id;
  }
  return reached;
}

Outcome walk_failure(const Walk& reached, std::string_view path, const PathComponents& components) {
  const std::string where = prefix(components, reached.depth + 1);
  if (reached.blocked) {
    return failure(Errc::kNotADirectory, std::string(path) + ": " + where + " is not a directory");
  }
  return failure(Errc::kNotFound, std::string(path) + ": " + where + " not found");
}

Result<Resolved> resolve(NamespaceTable& table, std::string_view path,
                         const PathComponents& components) {
  Resolved resolved;
  if (components.empty()) {
    resolved.place = {kRootInode, {}};
    resolved.found = {kRootInode, FileKind::kDirectory, 0};
    return resolved;
  }
  const std::size_t parents = components.size() - 1;
  MDFS_TRY(const Walk reached, walk(table, components, parents));
  if (reached.depth < parents) {
    resolved.failure = walk_failure(reached, path, components);
    return resolved;
  }
  resolved.place = {reached.directory, components.back()};
  MDFS_TRY(resolved.found, table.find(resolved.place));
  return resolved;
}

}  // namespace minidfs::metadata
