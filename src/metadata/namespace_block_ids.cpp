#include "metadata/namespace_block_ids.hpp"

#include <algorithm>

#include "metadata/block_range_set.hpp"
#include "metadata/namespace_rules.hpp"
#include "metadata/path.hpp"

namespace minidfs::metadata {
namespace {

// Whether the id was given out: by a leadership that has its mark, or from the old counter.
Result<bool> was_granted(NamespaceTable& table, BlockId id) {
  if (id.value == 0 || id > kBlockIdMax) return false;
  if (id.value < table.block_id_bound()) return true;
  if (mark_of(id) == 0 || count_of(id) == 0) return false;
  return table.uses_mark(mark_of(id));
}

bool is_possible(const BlockRange& range) {
  return range.first.value != 0 && range.first <= kBlockIdMax && range.count != 0 &&
         range.count - 1 <= kBlockIdMax.value - range.first.value;
}

// Why the block cannot be committed; nothing when it can.
Result<std::optional<Outcome>> check_id(NamespaceTable& table, const std::string& path,
                                        BlockId id) {
  const auto refuse = [&](Errc code, const std::string& what) {
    return std::optional(failure(code, path + ": block " + to_string(id) + what));
  };
  MDFS_TRY(const bool granted, was_granted(table, id));
  if (!granted) return refuse(Errc::kInvalidArgument, " was never given to a writer");
  MDFS_TRY(const bool owned, table.owns(id));
  if (owned) return refuse(Errc::kAlreadyExists, " belongs to a file already");
  MDFS_TRY(const bool retired, table.is_retired(id));
  if (retired) return refuse(Errc::kExpired, " was given up because its writer was silent");
  return std::optional<Outcome>();
}

// Why no leadership can have this number and this mark; nothing when one can.
Result<std::optional<Outcome>> check_leadership(NamespaceTable& table, std::uint64_t number,
                                                BlockMark mark) {
  if (number == 0 || mark == 0) {
    return std::optional(
        failure(Errc::kInvalidArgument, "leadership " + std::to_string(number) + " with the mark " +
                                            std::to_string(mark) + ": both begin at 1"));
  }
  const std::uint64_t last = table.leadership();
  if (number < last) {
    return std::optional(failure(Errc::kStale, "leadership " + std::to_string(number) +
                                                   " cannot follow leadership " +
                                                   std::to_string(last)));
  }
  MDFS_TRY(const bool used, table.uses_mark(mark));
  MDFS_TRY(const bool given_up, table.gave_up_mark(mark));
  if (used || given_up || first_of(mark).value < table.block_id_bound()) {
    return std::optional(
        failure(Errc::kAlreadyExists, "blocks have the mark " + std::to_string(mark) + " already"));
  }
  return std::optional<Outcome>();
}

}  // namespace

Result<std::optional<Outcome>> check_block_ids(NamespaceTable& table, const std::string& path,
                                               std::span<const Block> blocks) {
  std::vector<BlockId> ids;
  ids.reserve(blocks.size());
  for (const Block& block : blocks) ids.push_back(block.id);
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    return {failure(Errc::kInvalidArgument, path + ": names a block twice")};
  }
  for (const BlockId id : ids) {
    MDFS_TRY(auto bad, check_id(table, path, id));
    if (bad) return bad;
  }
  return std::optional<Outcome>();
}

Result<std::optional<Outcome>> check_block_ranges(NamespaceTable& table, const std::string& what,
                                                  std::span<const BlockRange> ranges) {
  BlockRangeSet seen;
  for (const BlockRange& range : ranges) {
    const auto refuse = [&](Errc code, const std::string& why) {
      return std::optional(failure(code, what + ": among " + std::to_string(range.count) +
                                             " blocks from " + to_string(range.first) + why));
    };
    if (!is_possible(range)) return refuse(Errc::kInvalidArgument, " some are none");
    const BlockId last{range.first.value + range.count - 1};
    if (seen.overlaps(range)) return refuse(Errc::kInvalidArgument, " one is named twice");
    seen.add(range);
    MDFS_TRY(const bool first_granted, was_granted(table, range.first));
    MDFS_TRY(const bool last_granted, was_granted(table, last));
    const bool together =
        last.value < table.block_id_bound() || mark_of(range.first) == mark_of(last);
    if (!first_granted || !last_granted || !together) {
      return refuse(Errc::kInvalidArgument, " some were never given to a writer");
    }
    MDFS_TRY(const auto owned, table.first_owned(range.first, last));
    if (owned) return refuse(Errc::kAlreadyExists, " one belongs to a file already");
    for (BlockId id = range.first; id <= last; ++id.value) {
      MDFS_TRY(const bool retired, table.is_retired(id));
      if (retired) {
        return refuse(Errc::kExpired, " some were given up because their writer was silent");
      }
    }
  }
  return std::optional<Outcome>();
}

Result<Outcome> apply(NamespaceTable& table, const ReserveBlockIds& change) {
  const std::uint64_t first = table.block_id_bound();
  if (change.count == 0 || change.count > kReservedIdsMax ||
      first + change.count > kBlockIdBoundMax) {
    return failure(Errc::kInvalidArgument, "cannot reserve " + std::to_string(change.count) +
                                               " block ids from " + std::to_string(first));
  }
  table.set_block_id_bound(first + change.count);
  return Outcome{0, {}, first};
}

Result<Outcome> apply(NamespaceTable& table, const BeginLeadership& change) {
  MDFS_TRY(auto bad, check_leadership(table, change.number, change.mark));
  if (bad) return std::move(*bad);
  MDFS_CHECK(table.begin_leadership({change.life, change.number}, change.mark));
  return Outcome{0, {}, change.number};
}

Result<Outcome> apply(NamespaceTable& table, const BeginLife& change) {
  if (change.life.is_none()) {
    return failure(Errc::kInvalidArgument, "a life of the namespace without an id");
  }
  if (change.lives.size() > kGivenUpLivesMax || change.marks.size() > kGivenUpMarksMax) {
    return failure(Errc::kTooLarge, std::to_string(change.lives.size()) + " lives and " +
                                        std::to_string(change.marks.size()) +
                                        " marks to give up at once");
  }
  MDFS_TRY(auto bad, check_leadership(table, change.number, change.mark));
  if (bad) return std::move(*bad);
  MDFS_CHECK(table.begin_leadership({change.life, change.number}, change.mark));
  MDFS_CHECK(table.give_up(change.lives, change.marks));
  return Outcome{0, {}, change.number};
}

Result<Outcome> apply(NamespaceTable& table, const RetireBlockIds& change) {
  if (change.ranges.size() > kRetiredRangesMax) {
    return failure(Errc::kTooLarge, std::to_string(change.ranges.size()) +
                                        " ranges of blocks to retire, the limit is " +
                                        std::to_string(kRetiredRangesMax));
  }
  for (const BlockRange& range : change.ranges) {
    if (!is_possible(range)) {
      return failure(Errc::kInvalidArgument, "cannot retire " + std::to_string(range.count) +
                                                 " blocks from " + to_string(range.first));
    }
  }
  Outcome outcome;
  for (const BlockRange& range : change.ranges) {
    const std::uint64_t last = range.first.value + range.count - 1;
    // An owned block parts the range.
    for (std::uint64_t from = range.first.value; from <= last;) {
      MDFS_TRY(const auto owned, table.first_owned(BlockId{from}, BlockId{last}));
      const std::uint64_t end = owned ? owned->value : last + 1;
      if (from < end) MDFS_CHECK(table.retire(BlockId{from}, BlockId{end - 1}));
      outcome.value += end - from;
      from = end + 1;
    }
  }
  return outcome;
}

}  // namespace minidfs::metadata
