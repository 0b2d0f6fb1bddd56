// The rules of staged files: files of any number of blocks that are put together in the namespace
// before they have a name. Each belongs to one write session and falls with it. Pure.
#pragma once

#include "metadata/changes.hpp"
#include "metadata/namespace_table.hpp"

namespace minidfs::metadata {

// Blocks in one StageBlocks: an entry that is applied in little time.
inline constexpr std::uint64_t kStagedAtOnceMax = 16'384;

Result<Outcome> apply(NamespaceTable& table, const StageBlocks& change);
Result<Outcome> apply(NamespaceTable& table, const CommitStaged& change,
                      const FileTimes& times = {});
Result<Outcome> apply(NamespaceTable& table, const DropStaged& change);

// The blocks that a part has, in the order of the file. REQUIRES: not more than kStagedAtOnceMax.
std::vector<Block> blocks_of(const StageBlocks& change);
// How many they are; more than kStagedAtOnceMax when they are too many.
std::uint64_t block_count(const StageBlocks& change);

}  // namespace minidfs::metadata
