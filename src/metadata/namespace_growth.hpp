// The rules of files that grow: by blocks that are added to them, and by other files that become
// their ends. What a file has stays as it is, so its blocks may have any length from 1 byte to the
// block size, wherever they stand in it. Pure.
#pragma once

#include "metadata/changes.hpp"
#include "metadata/namespace_table.hpp"

namespace minidfs::metadata {

// Blocks of all sources of one ConcatFiles: an entry that is applied in little time.
inline constexpr std::uint64_t kConcatBlocksMax = 16'384;

Result<Outcome> apply(NamespaceTable& table, const AppendBlocks& change);
Result<Outcome> apply(NamespaceTable& table, const ConcatFiles& change);

}  // namespace minidfs::metadata
