// The rules of renaming. HDFS's plain rename differs from POSIX: an existing directory as the
// target takes the source inside, and nothing is ever replaced. Its rename with options is POSIX's,
// but that a path is never renamed to itself.
#include <algorithm>

#include "metadata/namespace_walk.hpp"

namespace minidfs::metadata {
namespace {

std::string about(const auto& change, std::string_view what) {
  return change.source + " to " + change.target + ": " + std::string(what);
}

// Where a path leads, counted in bytes as it is spelled without superfluous slashes.
std::size_t canonical_bytes(const PathComponents& components) {
  std::size_t bytes = 0;
  for (const std::string_view component : components) bytes += component.size() + 1;
  return bytes;
}

Outcome refuse_existing(const auto& change) {
  return failure(Errc::kAlreadyExists, about(change, "the target already exists"));
}

// Whether `path` is `beginning` or below it.
bool begins_with(const PathComponents& path, const PathComponents& beginning) {
  return path.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), path.begin());
}

// An entry that is to be renamed, and the two paths.
struct Renaming {
  Outcome failure;
  PathComponents source_path;  // Views the change, as does the other.
  PathComponents target_path;
  Resolved source;
};

Result<Renaming> begin_renaming(NamespaceTable& table, const auto& change) {
  Renaming renaming;
  auto source_path = split_path(change.source);
  auto target_path = split_path(change.target);
  if (!source_path || !target_path) {
    renaming.failure = failure(source_path ? target_path.error() : source_path.error());
    return renaming;
  }
  renaming.source_path = *std::move(source_path);
  renaming.target_path = *std::move(target_path);
  if (renaming.source_path.empty()) {
    renaming.failure = failure(Errc::kInvalidArgument, about(change, "the root is never renamed"));
    return renaming;
  }
  MDFS_TRY(renaming.source, resolve(table, change.source, renaming.source_path));
  renaming.failure = renaming.source.failure;
  if (renaming.failure.ok() && !renaming.source.found.exists()) {
    renaming.failure = failure(Errc::kNotFound, change.source + ": not found");
  }
  return renaming;
}

// Looks the target up and goes inside it when it is a directory; the target's path becomes that of
// the final place.
Result<Resolved> resolve_target(NamespaceTable& table, const Rename& change, Renaming& renaming) {
  MDFS_TRY(Resolved target, resolve(table, change.target, renaming.target_path));
  if (!target.failure.ok() || !target.found.is_directory()) return target;
  const auto name = renaming.source_path.back();
  renaming.target_path.push_back(name);
  target.place = {target.found.id, name};
  MDFS_TRY(target.found, table.find(target.place));
  return target;
}

// Why the source cannot be at the final path, if it cannot.
Outcome check_target_path(const Renaming& renaming, const auto& change) {
  const auto& target = renaming.target_path;
  if (target.size() > renaming.source_path.size() && begins_with(target, renaming.source_path)) {
    return failure(Errc::kInvalidArgument, about(change, "a directory cannot move below itself"));
  }
  return {};
}

Outcome check_length(const Renaming& renaming, const auto& change) {
  const auto& target = renaming.target_path;
  if (target.size() <= kPathComponentsMax && canonical_bytes(target) <= kPathBytesMax) return {};
  return failure(Errc::kInvalidArgument, about(change, "the new path would be too long"));
}

// `added`: to the entries of the target's directory.
Result<Outcome> move(NamespaceTable& table, const Resolved& source, const Place& to,
                     std::int32_t added, std::int64_t time_ms) {
  MDFS_CHECK(table.move(source.place, to, source.found));
  MDFS_CHECK(table.touch_directory(source.place.parent, -1, time_ms));
  MDFS_CHECK(table.touch_directory(to.parent, added, time_ms));
  return success(source.found.id);
}

// Whether what stands at the target may be replaced.
Result<Outcome> check_replaced(NamespaceTable& table, const RenameExactly& change,
                               const Found& source, const Found& replaced) {
  if (source.kind != replaced.kind) {
    return failure(Errc::kIsADirectory, about(change, "one is a directory, the other is none"));
  }
  if (!change.overwrite) return refuse_existing(change);
  if (!replaced.is_directory()) return Outcome{};
  MDFS_TRY(const DirectoryInfo info, table.directory(replaced.id));
  if (info.children == 0) return Outcome{};
  return failure(Errc::kNotEmpty, about(change, "the target is a directory that is not empty"));
}

}  // namespace

Result<Outcome> apply(NamespaceTable& table, const Rename& change) {
  MDFS_TRY(Renaming renaming, begin_renaming(table, change));
  if (!renaming.failure.ok()) return renaming.failure;
  const Resolved& source = renaming.source;
  MDFS_TRY(const Resolved target, resolve_target(table, change, renaming));
  if (!target.failure.ok()) return target.failure;
  if (auto bad = check_target_path(renaming, change); !bad.ok()) return bad;
  if (target.found.id == source.found.id && !source.found.is_directory()) {
    return success(source.found.id);
  }
  if (target.found.exists()) return refuse_existing(change);
  if (auto bad = check_length(renaming, change); !bad.ok()) return bad;
  return move(table, source, target.place, 1, change.time_ms);
}

Result<Outcome> apply(NamespaceTable& table, const RenameExactly& change) {
  MDFS_TRY(const Renaming renaming, begin_renaming(table, change));
  if (!renaming.failure.ok()) return renaming.failure;
  const Resolved& source = renaming.source;
  if (renaming.target_path == renaming.source_path) return refuse_existing(change);
  if (auto bad = check_target_path(renaming, change); !bad.ok()) return bad;
  if (renaming.target_path.empty()) {
    return failure(Errc::kInvalidArgument, about(change, "the root is never replaced"));
  }
  MDFS_TRY(const Resolved target, resolve(table, change.target, renaming.target_path));
  if (!target.failure.ok()) return target.failure;
  if (auto bad = check_length(renaming, change); !bad.ok()) return bad;
  if (!target.found.exists()) return move(table, source, target.place, 1, change.time_ms);
  MDFS_TRY(const Outcome may, check_replaced(table, change, source.found, target.found));
  if (!may.ok()) return may;
  MDFS_CHECK(table.unlink(target.place, target.found));
  return move(table, source, target.place, 0, change.time_ms);
}

}  // namespace minidfs::metadata
