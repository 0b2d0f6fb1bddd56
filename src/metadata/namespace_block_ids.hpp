// The rules of block ids: which may be committed, which are retired, and how a leadership takes a
// mark for its own. Part of the rules of the namespace.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "metadata/changes.hpp"
#include "metadata/namespace_table.hpp"

namespace minidfs::metadata {

inline constexpr std::uint64_t kBlockIdBoundMax = 1ULL << 62;
inline constexpr std::uint64_t kReservedIdsMax = 1ULL << 32;
inline constexpr std::size_t kRetiredRangesMax = 65'536;  // Of one change.
// Of one change; what does not fit is told again, and given up by the next one.
inline constexpr std::size_t kGivenUpLivesMax = 1024;
inline constexpr std::size_t kGivenUpMarksMax = 65'536;

// Checks that blocks that shall belong to the file at `path` were given out, belong to no file and
// are not retired; nothing when all is well.
Result<std::optional<Outcome>> check_block_ids(NamespaceTable& table, const std::string& path,
                                               std::span<const Block> blocks);

// The same for runs of blocks; `what` they are for begins the message.
Result<std::optional<Outcome>> check_block_ranges(NamespaceTable& table, const std::string& what,
                                                  std::span<const BlockRange> ranges);

Result<Outcome> apply(NamespaceTable& table, const ReserveBlockIds& change);
Result<Outcome> apply(NamespaceTable& table, const BeginLeadership& change);
Result<Outcome> apply(NamespaceTable& table, const BeginLife& change);
Result<Outcome> apply(NamespaceTable& table, const RetireBlockIds& change);

}  // namespace minidfs::metadata
