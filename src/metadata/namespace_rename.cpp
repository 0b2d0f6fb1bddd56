// The rule of Rename. HDFS's plain rename, which differs from POSIX: an existing directory as the
// target takes the source inside, and nothing is ever replaced.
#include <algorithm>

#include "metadata/namespace_walk.hpp"

namespace minidfs::metadata {
namespace {

std::string about(const Rename& change, std::string_view what) {
  return change.source + " to " + change.target + ": " + std::string(what);
}

// Where a path leads, counted in bytes as it is spelled without superfluous slashes.
std::size_t canonical_bytes(const PathComponents& components) {
  std::size_t bytes = 0;
  for (const std::string_view component : components) bytes += component.size() + 1;
  return bytes;
}

// Looks the target up and goes inside it when it is a directory; `components` becomes the path of
// the final place.
Result<Resolved> resolve_target(NamespaceTable& table, const Rename& change,
                                std::string_view source_name, PathComponents& components) {
  MDFS_TRY(Resolved target, resolve(table, change.target, components));
  if (!target.failure.ok() || !target.found.is_directory()) return target;
  components.push_back(source_name);
  target.place = {target.found.id, source_name};
  MDFS_TRY(target.found, table.find(target.place));
  return target;
}

}  // namespace

Result<Outcome> apply(NamespaceTable& table, const Rename& change) {
  const auto source_path = split_path(change.source);
  if (!source_path) return failure(source_path.error());
  auto target_path = split_path(change.target);
  if (!target_path) return failure(target_path.error());
  if (source_path->empty()) {
    return failure(Errc::kInvalidArgument, about(change, "the root is never renamed"));
  }
  MDFS_TRY(const Resolved source, resolve(table, change.source, *source_path));
  if (!source.failure.ok()) return source.failure;
  if (!source.found.exists()) {
    return failure(Errc::kNotFound, change.source + ": not found");
  }
  MDFS_TRY(const Resolved target, resolve_target(table, change, source_path->back(), *target_path));
  if (!target.failure.ok()) return target.failure;

  const bool same_beginning =
      target_path->size() >= source_path->size() &&
      std::equal(source_path->begin(), source_path->end(), target_path->begin());
  if (same_beginning && target_path->size() > source_path->size()) {
    return failure(Errc::kInvalidArgument, about(change, "a directory cannot move below itself"));
  }
  if (target.found.id == source.found.id && !source.found.is_directory()) {
    return success(source.found.id);
  }
  if (target.found.exists()) {
    return failure(Errc::kAlreadyExists, about(change, "the target already exists"));
  }
  if (target_path->size() > kPathComponentsMax || canonical_bytes(*target_path) > kPathBytesMax) {
    return failure(Errc::kInvalidArgument, about(change, "the new path would be too long"));
  }
  MDFS_CHECK(table.move(source.place, target.place, source.found));
  MDFS_CHECK(table.touch_directory(source.place.parent, -1, change.time_ms));
  MDFS_CHECK(table.touch_directory(target.place.parent, 1, change.time_ms));
  return success(source.found.id);
}

}  // namespace minidfs::metadata
