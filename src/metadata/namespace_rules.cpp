#include "metadata/namespace_rules.hpp"

#include <algorithm>
#include <optional>

#include "metadata/namespace_block_ids.hpp"
#include "metadata/namespace_walk.hpp"

namespace minidfs::metadata {
namespace {

// New ancestors must be usable by their owner, whatever mode they inherit (HDFS: mode | u+wx).
constexpr std::uint16_t kOwnerWriteAndSearch = 0300;

std::string about(std::string_view path, std::string_view what) {
  return std::string(path).append(": ").append(what);
}

// Attributes that a new entry takes from its change.
struct Attributes {
  std::uint16_t permission;
  std::string_view owner;
  std::string_view group;  // Empty: the parent's, as in HDFS.
};

std::optional<Outcome> check_names(std::string_view path, std::string_view owner,
                                   std::string_view group) {
  for (const std::string_view name : {owner, group}) {
    if (name.size() > kUserNameBytesMax || name.find('\0') != std::string_view::npos) {
      return failure(Errc::kInvalidArgument,
                     about(path, "not a name of a user or group: " +
                                     std::string(name.substr(0, kUserNameBytesMax))));
    }
  }
  return std::nullopt;
}

std::optional<Outcome> check_attributes(std::string_view path, const Attributes& attributes) {
  if (attributes.permission > kPermissionMax) {
    return failure(Errc::kInvalidArgument,
                   about(path, "permission " + std::to_string(attributes.permission) +
                                   " (decimal) is above 01777"));
  }
  return check_names(path, attributes.owner, attributes.group);
}

// Inserts a directory and tells its parent.
Result<InodeId> add_directory(NamespaceTable& table, Place place, const Attributes& attributes,
                              std::int64_t time_ms) {
  FileStatus entry;
  entry.name = place.name;
  entry.id = table.take_inode_id();
  entry.kind = FileKind::kDirectory;
  entry.permission = attributes.permission;
  entry.owner = attributes.owner;
  entry.group = attributes.group;
  entry.modified_ms = time_ms;
  if (attributes.group.empty()) {
    MDFS_TRY(DirectoryInfo parent, table.directory(place.parent));
    entry.group = std::move(parent.group);
  }
  MDFS_CHECK(table.insert(place.parent, entry, {}));
  MDFS_CHECK(table.touch_directory(place.parent, 1, time_ms));
  return entry.id;
}

// Creates the directories components[from.depth .. count) below `from`; returns the last.
Result<InodeId> add_ancestors(NamespaceTable& table, const Walk& from,
                              const PathComponents& components, std::size_t count,
                              const Attributes& attributes, std::int64_t time_ms) {
  InodeId directory = from.directory;
  for (std::size_t i = from.depth; i < count; ++i) {
    MDFS_TRY(directory, add_directory(table, {directory, components[i]}, attributes, time_ms));
  }
  return directory;
}

// Checks what does not depend on the table; nothing when all is well.
std::optional<Outcome> check_file(const CommittedFile& file, std::uint64_t staged_blocks) {
  if (auto bad = check_attributes(file.path, {file.permission, file.owner, file.group})) return bad;
  const auto invalid = [&](std::string_view what) {
    return failure(Errc::kInvalidArgument, about(file.path, what));
  };
  if (file.replication == 0) return invalid("replication 0, the least is 1");
  if (file.block_size == 0 || file.block_size > kBlockSizeMax) {
    return invalid("block size " + std::to_string(file.block_size) + " is not between 1 and " +
                   std::to_string(kBlockSizeMax));
  }
  if (file.compression.size() > kCompressionBytesMax) {
    return invalid("name of a compression longer than 32 bytes");
  }
  const std::uint64_t blocks_max = kFileLengthMax / file.block_size;
  if (staged_blocks > blocks_max || file.blocks.size() > blocks_max - staged_blocks) {
    return invalid("longer than " + std::to_string(kFileLengthMax) + " bytes");
  }
  for (std::size_t i = 0; i < file.blocks.size(); ++i) {
    const Block& block = file.blocks[i];
    const bool is_last = i + 1 == file.blocks.size();
    const bool right = is_last ? block.length >= 1 && block.length <= file.block_size
                               : block.length == file.block_size;
    if (!right) {
      return invalid("block " + to_string(block.id) + ", number " + std::to_string(i) + " of " +
                     std::to_string(file.blocks.size()) + ", has " + std::to_string(block.length) +
                     " bytes with a block size of " + std::to_string(file.block_size));
    }
    if (block.length > kBlockLengthMax) return invalid("a block of 1 TiB or more");
    if (block.generation == 0 || block.generation > kGenerationMax) {
      return invalid("block " + to_string(block.id) + " of generation " +
                     std::to_string(block.generation) + ", which is not between 1 and " +
                     std::to_string(kGenerationMax));
    }
  }
  return std::nullopt;
}

FileStatus file_entry(const CommittedFile& file, InodeId id, std::string_view name) {
  FileStatus entry;
  entry.name = name;
  entry.id = id;
  entry.kind = FileKind::kFile;
  for (const Block& block : file.blocks) entry.length += block.length;
  entry.permission = file.permission;
  entry.owner = file.owner;
  entry.group = file.group;
  entry.block_size = file.block_size;
  entry.replication = file.replication;
  entry.compression = file.compression;
  return entry;
}

// Reaches the directory of a new file, making what is missing above it. Before it makes anything,
// all other reasons to refuse must have been looked at.
Result<InodeId> parent_of_new_file(NamespaceTable& table, const CommittedFile& file,
                                   const PathComponents& components, const Walk& reached,
                                   std::int64_t time_ms) {
  const std::size_t parents = components.size() - 1;
  if (reached.depth == parents) return reached.directory;
  MDFS_TRY(const DirectoryInfo nearest, table.directory(reached.directory));
  const auto mode = static_cast<std::uint16_t>(nearest.permission | kOwnerWriteAndSearch);
  return add_ancestors(table, reached, components, parents, {mode, file.owner, file.group},
                       time_ms);
}

}  // namespace

Outcome failure(Errc code, std::string message) {
  return {static_cast<std::uint8_t>(code), std::move(message), 0};
}

Outcome failure(const Error& error) { return failure(error.code, error.message); }

Result<Outcome> apply(NamespaceTable& table, const MakeDirectory& change) {
  const auto components = split_path(change.path);
  if (!components) return failure(components.error());
  const Attributes attributes{change.permission, change.owner, change.group};
  if (auto bad = check_attributes(change.path, attributes)) return *bad;
  const auto exists = [&] {
    return failure(Errc::kAlreadyExists, about(change.path, "already exists"));
  };
  if (components->empty()) return change.parents ? success(kRootInode) : exists();

  const std::size_t parents = components->size() - 1;
  MDFS_TRY(const Walk reached, walk(table, *components, parents));
  if (reached.blocked || (reached.depth < parents && !change.parents)) {
    return walk_failure(reached, change.path, *components);
  }
  if (reached.depth == parents) {
    MDFS_TRY(const Found found, table.find({reached.directory, components->back()}));
    if (found.exists()) {
      return change.parents && found.is_directory() ? success(found.id) : exists();
    }
  }
  Attributes ancestors = attributes;
  ancestors.permission |= kOwnerWriteAndSearch;
  MDFS_TRY(const InodeId parent,
           add_ancestors(table, reached, *components, parents, ancestors, change.time_ms));
  MDFS_TRY(const InodeId id,
           add_directory(table, {parent, components->back()}, attributes, change.time_ms));
  return success(id);
}

Result<Outcome> commit_file(NamespaceTable& table, const CommittedFile& file,
                            const StagedFile* staged, std::int64_t time_ms,
                            const FileTimes& times) {
  const auto components = split_path(file.path);
  if (!components) return failure(components.error());
  const std::uint64_t staged_blocks = staged == nullptr ? 0 : staged->blocks;
  if (auto bad = check_file(file, staged_blocks)) return *bad;
  const auto is_directory = [&] {
    return failure(Errc::kIsADirectory, about(file.path, "is a directory"));
  };
  if (components->empty()) return is_directory();

  const std::size_t parents = components->size() - 1;
  MDFS_TRY(const Walk reached, walk(table, *components, parents));
  if (reached.blocked || (reached.depth < parents && !file.parents)) {
    return walk_failure(reached, file.path, *components);
  }
  Found old;
  if (reached.depth == parents) {
    MDFS_TRY(old, table.find({reached.directory, components->back()}));
  }
  if (old.is_directory()) return is_directory();
  if (old.exists() && !file.overwrite) {
    return failure(Errc::kAlreadyExists, about(file.path, "already exists"));
  }
  MDFS_TRY(const auto bad_ids, check_block_ids(table, file.path, file.blocks));
  if (bad_ids) return *bad_ids;

  MDFS_TRY(const InodeId parent, parent_of_new_file(table, file, *components, reached, time_ms));
  const Place place{parent, components->back()};
  if (old.exists()) MDFS_CHECK(table.unlink(place, old));
  const InodeId id = staged == nullptr ? table.take_inode_id() : staged->id;
  FileStatus entry = file_entry(file, id, place.name);
  entry.modified_ms = times.modified_ms == kKeepTime ? time_ms : times.modified_ms;
  entry.accessed_ms = times.accessed_ms == kKeepTime ? time_ms : times.accessed_ms;
  entry.length += staged_blocks * file.block_size;
  if (entry.group.empty()) {
    MDFS_TRY(DirectoryInfo info, table.directory(parent));
    entry.group = std::move(info.group);
  }
  if (staged == nullptr) {
    MDFS_CHECK(table.insert(parent, entry, file.blocks));
  } else {
    MDFS_CHECK(table.insert_staged(parent, entry, *staged, file.blocks));
  }
  MDFS_CHECK(table.touch_directory(parent, old.exists() ? 0 : 1, time_ms));
  return success(entry.id);
}

Result<Outcome> apply(NamespaceTable& table, const Remove& change) {
  const auto components = split_path(change.path);
  if (!components) return failure(components.error());
  if (components->empty()) {
    return failure(Errc::kInvalidArgument, "/: the root is never removed");
  }
  MDFS_TRY(const Resolved entry, resolve(table, change.path, *components));
  if (!entry.failure.ok()) return entry.failure;
  if (!entry.found.exists()) return failure(Errc::kNotFound, about(change.path, "not found"));
  if (entry.found.is_directory() && !change.recursive) {
    MDFS_TRY(const DirectoryInfo info, table.directory(entry.found.id));
    if (info.children > 0) {
      return failure(Errc::kNotEmpty, about(change.path, "directory not empty"));
    }
  }
  MDFS_CHECK(table.unlink(entry.place, entry.found));
  MDFS_CHECK(table.touch_directory(entry.place.parent, -1, change.time_ms));
  return success(entry.found.id);
}

Result<Outcome> apply(NamespaceTable& table, const SetReplication& change) {
  const auto components = split_path(change.path);
  if (!components) return failure(components.error());
  if (change.replication == 0) {
    return failure(Errc::kInvalidArgument, about(change.path, "replication 0, the least is 1"));
  }
  MDFS_TRY(const Resolved entry, resolve(table, change.path, *components));
  if (!entry.failure.ok()) return entry.failure;
  if (!entry.found.exists()) return failure(Errc::kNotFound, about(change.path, "not found"));
  if (entry.found.is_directory()) {
    return failure(Errc::kIsADirectory, about(change.path, "is a directory"));
  }
  MDFS_CHECK(table.set_replication(entry.place, entry.found, change.replication));
  return success(entry.found.id);
}

Result<Outcome> set_attributes(NamespaceTable& table, const EntryAttributes& entry) {
  const auto components = split_path(entry.path);
  if (!components) return failure(components.error());
  const bool keeps_permission = entry.permission == EntryAttributes::kKeepPermission;
  if (!keeps_permission && (entry.permission < 0 || entry.permission > kPermissionMax)) {
    return failure(Errc::kInvalidArgument,
                   about(entry.path, "permission " + std::to_string(entry.permission) +
                                         " (decimal) is not between 0 and 01777"));
  }
  MDFS_TRY(const Resolved resolved, resolve(table, entry.path, *components));
  if (!resolved.failure.ok()) return resolved.failure;
  if (!resolved.found.exists()) return failure(Errc::kNotFound, about(entry.path, "not found"));
  MDFS_CHECK(table.set_attributes(resolved.place, resolved.found, entry));
  return success(resolved.found.id);
}

Result<Outcome> set_owner(NamespaceTable& table, const EntryOwner& entry) {
  const auto components = split_path(entry.path);
  if (!components) return failure(components.error());
  if (entry.owner.empty() && entry.group.empty()) {
    return failure(Errc::kInvalidArgument, about(entry.path, "neither an owner nor a group"));
  }
  if (auto bad = check_names(entry.path, entry.owner, entry.group)) return *bad;
  MDFS_TRY(const Resolved resolved, resolve(table, entry.path, *components));
  if (!resolved.failure.ok()) return resolved.failure;
  if (!resolved.found.exists()) return failure(Errc::kNotFound, about(entry.path, "not found"));
  MDFS_CHECK(table.set_owner(resolved.place, resolved.found, entry));
  return success(resolved.found.id);
}

}  // namespace minidfs::metadata
