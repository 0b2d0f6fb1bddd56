#include "metadata/namespace_staging.hpp"

#include <algorithm>

#include "metadata/namespace_block_ids.hpp"
#include "metadata/namespace_rules.hpp"

namespace minidfs::metadata {
namespace {

std::string about(std::uint64_t session) { return "write session " + std::to_string(session); }

Outcome refuse(Errc code, std::uint64_t session, const std::string& why) {
  return failure(code, about(session) + ": " + why);
}

// What does not depend on the table; nothing when all is well.
std::optional<Outcome> check_part(const StageBlocks& part) {
  const auto invalid = [&](const std::string& why) {
    return std::optional(refuse(Errc::kInvalidArgument, part.session, why));
  };
  if (part.session == 0 || part.client.is_none()) return invalid("blocks staged by nobody");
  if (part.block_size == 0 || part.block_size > kBlockLengthMax) {
    return invalid("staged blocks of " + std::to_string(part.block_size) + " bytes");
  }
  if (part.replication == 0) return invalid("replication 0, the least is 1");
  if (part.generation == 0 || part.generation > kGenerationMax) {
    return invalid("generation " + std::to_string(part.generation));
  }
  const std::uint64_t count = block_count(part);
  if (count == 0 || count > kStagedAtOnceMax) {
    return invalid("a part must have 1 to " + std::to_string(kStagedAtOnceMax) + " blocks");
  }
  const std::uint64_t blocks_max = kFileLengthMax / part.block_size;
  if (count > blocks_max || part.position > blocks_max - count) {
    return invalid("longer than " + std::to_string(kFileLengthMax) + " bytes");
  }
  return std::nullopt;
}

std::optional<Outcome> check_follows(const StageBlocks& part, const StagedFile& file) {
  if (file.client != part.client) {
    return refuse(Errc::kPermissionDenied, part.session, "belongs to another client");
  }
  if (file.block_size != part.block_size || file.replication != part.replication) {
    return refuse(Errc::kInvalidArgument, part.session,
                  "staged is a file with a block size of " + std::to_string(file.block_size) +
                      " and replication " + std::to_string(file.replication));
  }
  if (file.blocks != part.position) {
    return refuse(
        Errc::kStale, part.session,
        std::to_string(file.blocks) + " blocks are staged, not " + std::to_string(part.position));
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t block_count(const StageBlocks& change) {
  std::uint64_t count = 0;
  for (const BlockRange& range : change.blocks) {
    count += std::min(range.count, kStagedAtOnceMax + 1);
    if (count > kStagedAtOnceMax) break;
  }
  return count;
}

std::vector<Block> blocks_of(const StageBlocks& change) {
  std::vector<Block> blocks;
  blocks.reserve(block_count(change));
  for (const BlockRange& range : change.blocks) {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      blocks.push_back({BlockId{range.first.value + i}, change.generation, change.block_size});
    }
  }
  return blocks;
}

Result<Outcome> apply(NamespaceTable& table, const StageBlocks& change) {
  if (auto bad = check_part(change)) return *bad;
  MDFS_TRY(auto file, table.staged(change.session));
  if (!file && change.position != 0) {
    return refuse(Errc::kExpired, change.session, "what was staged was given up");
  }
  if (file) {
    if (auto bad = check_follows(change, *file)) return *bad;
  }
  MDFS_TRY(const auto bad_ids, check_block_ranges(table, about(change.session), change.blocks));
  if (bad_ids) return *bad_ids;
  if (!file) {
    file = StagedFile{change.session,    change.client,     table.take_inode_id(), 0,
                      change.block_size, change.replication};
  }
  const auto blocks = blocks_of(change);
  MDFS_CHECK(table.stage(*file, blocks));
  return Outcome{0, {}, file->blocks + blocks.size()};
}

Result<Outcome> apply(NamespaceTable& table, const CommitStaged& change, const FileTimes& times) {
  MDFS_TRY(const auto staged, table.staged(change.session));
  if (!staged) {
    return failure(Errc::kExpired, change.file.path + ": " + about(change.session) +
                                       " has nothing staged any more");
  }
  if (staged->client != change.client) {
    return refuse(Errc::kPermissionDenied, change.session, "belongs to another client");
  }
  if (staged->blocks != change.staged || staged->block_size != change.file.block_size ||
      staged->replication != change.file.replication) {
    return failure(Errc::kInvalidArgument,
                   change.file.path + ": staged are " + std::to_string(staged->blocks) +
                       " blocks of " + std::to_string(staged->block_size) +
                       " bytes with replication " + std::to_string(staged->replication) +
                       ", which is not what is committed");
  }
  return commit_file(table, change.file, &*staged, change.time_ms, times);
}

Result<Outcome> apply(NamespaceTable& table, const DropStaged& change) {
  MDFS_TRY(const auto staged, table.staged(change.session));
  if (!staged) return Outcome{};
  MDFS_CHECK(table.drop_staged(*staged));
  return Outcome{0, {}, staged->blocks};
}

}  // namespace minidfs::metadata
