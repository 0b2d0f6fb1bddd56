#include "metadata/namespace_growth.hpp"

#include <set>

#include "metadata/namespace_block_ids.hpp"
#include "metadata/namespace_rules.hpp"
#include "metadata/namespace_walk.hpp"

namespace minidfs::metadata {
namespace {

Outcome refuse(Errc code, const std::string& path, const std::string& why) {
  return failure(code, path + ": " + why);
}

// `blocks`: at least so many.
Outcome refuse_too_many(const std::string& target, std::uint64_t blocks) {
  return refuse(Errc::kTooLarge, target,
                "its sources have " + std::to_string(blocks) + " blocks or more, at most " +
                    std::to_string(kConcatBlocksMax) + " can be moved at once");
}

// --- Append ------------------------------------------------------------------------------------

// Why the file that an append names is not there.
Result<Outcome> refuse_gone(NamespaceTable& table, const AppendBlocks& change) {
  const auto components = split_path(change.path);
  if (!components) return failure(components.error());
  MDFS_TRY(const Resolved now, resolve(table, change.path, *components));
  if (!now.failure.ok()) return now.failure;
  if (!now.found.exists()) return refuse(Errc::kNotFound, change.path, "not found");
  if (now.found.is_directory()) {
    return refuse(Errc::kIsADirectory, change.path, "is a directory");
  }
  return refuse(Errc::kStale, change.path, "was replaced by another file");
}

std::optional<Outcome> check_block(const std::string& path, const Block& block,
                                   std::uint64_t block_size) {
  if (block.length == 0 || block.length > block_size || block.length > kBlockLengthMax) {
    return refuse(Errc::kInvalidArgument, path,
                  "block " + to_string(block.id) + " has " + std::to_string(block.length) +
                      " bytes with a block size of " + std::to_string(block_size));
  }
  if (block.generation == 0 || block.generation > kGenerationMax) {
    return refuse(Errc::kInvalidArgument, path,
                  "block " + to_string(block.id) + " of generation " +
                      std::to_string(block.generation) + ", which is not between 1 and " +
                      std::to_string(kGenerationMax));
  }
  return std::nullopt;
}

std::optional<Outcome> check_append(const AppendBlocks& change, const FileInfo& file) {
  if (file.length != change.length) {
    auto stale = refuse(Errc::kStale, change.path,
                        "has " + std::to_string(file.length) + " bytes, not " +
                            std::to_string(change.length) + ": something else was added to it");
    stale.value = file.length;
    return stale;
  }
  std::uint64_t length = file.length;
  for (const Block& block : change.blocks) {
    if (auto bad = check_block(change.path, block, file.block_size)) return bad;
    if (block.length > kFileLengthMax - length) {
      return refuse(Errc::kInvalidArgument, change.path,
                    "longer than " + std::to_string(kFileLengthMax) + " bytes");
    }
    length += block.length;
  }
  return std::nullopt;
}

// --- Concat ------------------------------------------------------------------------------------

// A file that takes part, as its path leads to it.
struct Part {
  PathComponents components;  // Views the path of the change.
  Resolved entry;
  FileInfo file;
};

// With a failure in `entry` when there is no such file.
Result<Part> find_part(NamespaceTable& table, const std::string& path, Errc if_directory) {
  Part part;
  auto components = split_path(path);
  if (!components) {
    part.entry.failure = failure(components.error());
    return part;
  }
  part.components = *std::move(components);
  MDFS_TRY(part.entry, resolve(table, path, part.components));
  if (!part.entry.failure.ok()) return part;
  const Found& found = part.entry.found;
  if (!found.exists()) {
    part.entry.failure = refuse(Errc::kNotFound, path, "not found");
  } else if (found.is_directory()) {
    part.entry.failure = refuse(if_directory, path, "is a directory");
  } else {
    MDFS_TRY(const auto file, table.file(found.id));
    MDFS_ASSERT(file.has_value());
    part.file = *file;
  }
  return part;
}

// The rules of HDFS, FSDirConcatOp.verifySrcFiles().
std::optional<Outcome> check_source(const std::string& path, const Part& source,
                                    const Part& target) {
  const auto invalid = [&](const std::string& why) {
    return std::optional(refuse(Errc::kInvalidArgument, path, why));
  };
  if (source.file.id == target.file.id) return invalid("is the target itself");
  if (source.entry.place.parent != target.entry.place.parent) {
    return invalid("is not in the directory of the target");
  }
  if (source.file.blocks == 0) return invalid("is empty");
  if (source.file.block_size > target.file.block_size) {
    return invalid("has a block size of " + std::to_string(source.file.block_size) +
                   ", which is above the target's " + std::to_string(target.file.block_size));
  }
  return std::nullopt;
}

// Of all together, when each may take part.
std::optional<Outcome> check_sum(const ConcatFiles& change, const std::vector<Part>& sources,
                                 const Part& target) {
  std::uint64_t blocks = 0;
  std::uint64_t length = target.file.length;
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const FileInfo& file = sources[i].file;
    if (!seen.insert(file.id.value).second) {
      return refuse(Errc::kInvalidArgument, change.sources[i], "is named twice");
    }
    if (file.length > kFileLengthMax - length) {
      return refuse(Errc::kInvalidArgument, change.target,
                    "would be longer than " + std::to_string(kFileLengthMax) + " bytes");
    }
    blocks += file.blocks;
    length += file.length;
  }
  if (blocks <= kConcatBlocksMax) return std::nullopt;
  return refuse_too_many(change.target, blocks);
}

}  // namespace

Result<Outcome> apply(NamespaceTable& table, const AppendBlocks& change) {
  MDFS_TRY(const auto file, table.file(change.file));
  if (!file) return refuse_gone(table, change);
  if (auto bad = check_append(change, *file)) return *bad;
  MDFS_TRY(const auto bad_ids, check_block_ids(table, change.path, change.blocks));
  if (bad_ids) return *bad_ids;
  MDFS_CHECK(table.append(*file, change.blocks, change.time_ms));
  return success(file->id);
}

Result<Outcome> apply(NamespaceTable& table, const ConcatFiles& change) {
  if (change.sources.empty()) {
    return refuse(Errc::kInvalidArgument, change.target, "no sources are given");
  }
  // Each has a block at least, so none of them need be looked at.
  if (change.sources.size() > kConcatBlocksMax) {
    return refuse_too_many(change.target, change.sources.size());
  }
  MDFS_TRY(Part target, find_part(table, change.target, Errc::kIsADirectory));
  if (!target.entry.failure.ok()) return target.entry.failure;
  std::vector<Part> sources;
  for (const std::string& path : change.sources) {
    MDFS_TRY(Part source, find_part(table, path, Errc::kInvalidArgument));
    if (!source.entry.failure.ok()) return source.entry.failure;
    if (auto bad = check_source(path, source, target)) return *bad;
    sources.push_back(std::move(source));
  }
  if (auto bad = check_sum(change, sources, target)) return *bad;
  for (const Part& source : sources) {
    MDFS_CHECK(table.take_over(target.file, source.entry.place, source.file, change.time_ms));
  }
  MDFS_CHECK(table.touch_directory(target.entry.place.parent,
                                   -static_cast<std::int32_t>(sources.size()), change.time_ms));
  return success(target.file.id);
}

}  // namespace minidfs::metadata
