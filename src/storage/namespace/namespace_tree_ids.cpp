// The part of NamespaceTree that has to do with the identities of blocks.
#include <algorithm>

#include "storage/namespace/namespace_tree.hpp"

namespace minidfs::storage {

using metadata::BlockMark;
using metadata::Epoch;
using metadata::kBlockIdMax;
using metadata::LifeId;

Result<bool> NamespaceTree::owns(BlockId block) {
  const StatementScope scope(find_block_);
  find_block_.bind(1, block.value);
  return find_block_.step();
}

Result<std::optional<BlockId>> NamespaceTree::first_owned(BlockId first, BlockId last) {
  const StatementScope scope(first_block_);
  first_block_.bind_all(first.value, last.value);
  MDFS_TRY(const bool row, first_block_.step());
  if (!row) return std::optional<BlockId>();
  return std::optional(BlockId{first_block_.unsigned_integer(0)});
}

Result<bool> NamespaceTree::uses_mark(BlockMark mark) {
  if (mark != 0 && mark == mark_met_) return true;
  const StatementScope scope(find_mark_);
  find_mark_.bind(1, std::uint64_t{mark});
  MDFS_TRY(const bool row, find_mark_.step());
  if (row) mark_met_ = mark;
  return row;
}

Status NamespaceTree::begin_leadership(const Epoch& epoch, BlockMark mark) {
  Epoch& now = state_.epoch;
  if (!epoch.life.is_none() && epoch.life != now.life) {
    if (!now.life.is_none()) {
      MDFS_CHECK(
          insert_past_.bind_all(now.life.high, now.life.low, now.leadership, entry_ - 1).run());
    }
    now.life = epoch.life;
  }
  now.leadership = epoch.leadership;
  MDFS_CHECK(insert_mark_.bind_all(mark, epoch.leadership).run());
  MDFS_CHECK(insert_began_.bind_all(now.life.high, now.life.low, now.leadership, entry_).run());
  return update_epoch_.bind_all(now.life.high, now.life.low, now.leadership).run();
}

Result<bool> NamespaceTree::gave_up_mark(BlockMark mark) {
  const StatementScope scope(find_given_up_);
  find_given_up_.bind(1, std::uint64_t{mark});
  return find_given_up_.step();
}

Status NamespaceTree::give_up(std::span<const LifeId> lives, std::span<const BlockMark> marks) {
  for (const LifeId& life : lives) {
    if (life == state_.epoch.life) continue;
    MDFS_CHECK(insert_past_.bind_all(life.high, life.low, 0, 0).run());
  }
  for (const BlockMark mark : marks) MDFS_CHECK(insert_given_up_.bind_all(mark).run());
  return give_up_past_.run();
}

// Ranges do not touch each other, so the range that begins at or before a block is the only one
// that can hold it.
Result<bool> NamespaceTree::is_retired(BlockId block) {
  if (block >= gap_first_ && block <= gap_last_) return false;
  BlockId gap_first{0};
  {
    const StatementScope scope(retired_from_);
    retired_from_.bind(1, block.value);
    MDFS_TRY(const bool before, retired_from_.step());
    if (before && retired_from_.unsigned_integer(1) >= block.value) return true;
    if (before) gap_first.value = retired_from_.unsigned_integer(1) + 1;
  }
  const StatementScope scope(retired_after_);
  retired_after_.bind(1, block.value);
  MDFS_TRY(const bool after, retired_after_.step());
  gap_first_ = gap_first;
  gap_last_ = after ? BlockId{retired_after_.unsigned_integer(0) - 1} : kBlockIdMax;
  return false;
}

Status NamespaceTree::retire(BlockId first, BlockId last) {
  gap_first_ = BlockId{1};
  gap_last_ = BlockId{0};
  // What it overlaps or touches becomes one range with it.
  {
    const StatementScope scope(retired_from_);
    retired_from_.bind(1, first.value);
    MDFS_TRY(const bool before, retired_from_.step());
    if (before && retired_from_.unsigned_integer(1) + 1 >= first.value) {
      first.value = retired_from_.unsigned_integer(0);
      last.value = std::max(last.value, retired_from_.unsigned_integer(1));
    }
  }
  const std::uint64_t touched = std::min(last.value + 1, kBlockIdMax.value);
  {
    const StatementScope scope(retired_until_);
    retired_until_.bind_all(first.value, touched);
    MDFS_TRY(const bool row, retired_until_.step());
    if (row && !retired_until_.is_null(0)) {
      last.value = std::max(last.value, retired_until_.unsigned_integer(0));
    }
  }
  MDFS_CHECK(delete_retired_.bind_all(first.value, touched).run());
  return insert_retired_.bind_all(first.value, last.value).run();
}

}  // namespace minidfs::storage
