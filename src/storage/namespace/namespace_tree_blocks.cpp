// The part of NamespaceTree that has to do with blocks and with what unlink() leaves behind.
#include "storage/namespace/namespace_tree.hpp"

namespace minidfs::storage {

using metadata::FileKind;
using metadata::Found;
using metadata::Place;

namespace {

// A change that concerns more blocks leaves the rest to purge(), so that none takes long.
constexpr std::uint64_t kBlocksAtOnce = 1024;
// Children of a removed directory that are read before they are worked on.
constexpr std::uint64_t kChildrenAtOnce = 256;

}  // namespace

Status NamespaceTree::insert_blocks(InodeId file, std::uint8_t replication, std::uint64_t position,
                                    std::span<const metadata::Block> blocks) {
  for (const metadata::Block& block : blocks) {
    insert_block_.bind_all(block.id.value, file.value, position++, block.generation, block.length,
                           replication);
    MDFS_CHECK(insert_block_.run());
    effects_.blocks.push_back({BlockEffect::Kind::kAdded, block, replication});
  }
  state_.counters.blocks += blocks.size();
  return {};
}

Status NamespaceTree::delete_row(Place place) {
  view_.mark(place.parent, commit_);
  delete_.bind(1, place.parent.value);
  delete_.bind_text(2, place.name);
  return delete_.run();
}

Status NamespaceTree::add_removed(const Found& found) {
  ++removed_count_;
  return add_removed_.bind_all(found.id.value, found.kind).run();
}

Status NamespaceTree::unlink(Place place, const Found& found) {
  if (found.is_directory()) {
    MDFS_TRY(const metadata::DirectoryInfo info, directory(found.id));
    view_.mark_tree(commit_);
    forget(found.id);
    MDFS_CHECK(delete_row(place));
    if (info.children > 0) return add_removed(found);
    --state_.counters.directories;
    return {};
  }
  MDFS_CHECK(delete_row(place));
  state_.counters.bytes -= found.length;
  return give_up_blocks(found);
}

Status NamespaceTree::give_up_blocks(const Found& found) {
  if (found.length > 0) {
    MDFS_TRY(const std::uint64_t freed, free_blocks(found.id, kBlocksAtOnce));
    if (freed == kBlocksAtOnce) return add_removed(found);
  }
  --state_.counters.files;
  return {};
}

// --- Staged files: their blocks are those of any other file, only the name is missing. ---

Result<std::optional<metadata::StagedFile>> NamespaceTree::staged(std::uint64_t session) {
  const StatementScope scope(select_staged_);
  select_staged_.bind(1, session);
  MDFS_TRY(const bool row, select_staged_.step());
  if (!row) return std::optional<metadata::StagedFile>();
  return std::optional(
      metadata::StagedFile{session,
                           {select_staged_.unsigned_integer(0), select_staged_.unsigned_integer(1)},
                           InodeId{select_staged_.unsigned_integer(2)},
                           select_staged_.unsigned_integer(3),
                           select_staged_.unsigned_integer(4),
                           static_cast<std::uint8_t>(select_staged_.integer(5))});
}

Status NamespaceTree::stage(const metadata::StagedFile& file,
                            std::span<const metadata::Block> blocks) {
  MDFS_CHECK(insert_blocks(file.id, file.replication, file.blocks, blocks));
  if (file.blocks == 0) effects_.stagings.push_back({file.session, file.client, true});
  return write_staged_
      .bind_all(file.session, file.client.high, file.client.low, file.id.value,
                file.blocks + blocks.size(), file.block_size, std::uint64_t{file.replication})
      .run();
}

Status NamespaceTree::end_staging(const metadata::StagedFile& file) {
  effects_.stagings.push_back({file.session, file.client, false});
  return delete_staged_.bind_all(file.session).run();
}

Status NamespaceTree::insert_staged(InodeId parent, const metadata::FileStatus& entry,
                                    const metadata::StagedFile& file,
                                    std::span<const metadata::Block> rest) {
  MDFS_CHECK(end_staging(file));
  MDFS_CHECK(insert(parent, entry, {}));
  return insert_blocks(entry.id, entry.replication, file.blocks, rest);
}

Status NamespaceTree::drop_staged(const metadata::StagedFile& file) {
  MDFS_CHECK(end_staging(file));
  // Counted as what it is from now on: a removed file.
  ++state_.counters.files;
  return give_up_blocks({file.id, FileKind::kFile, file.blocks * file.block_size});
}

// --- What is removed ---

NamespaceEffects NamespaceTree::take_effects() {
  NamespaceEffects effects = std::exchange(effects_, {});
  effects.purge_left = removed_count_ > 0 || retargeting_;
  return effects;
}

void NamespaceTree::note_block(BlockEffect::Kind kind, const Statement& statement,
                               std::uint8_t replication) {
  effects_.blocks.push_back({kind,
                             {BlockId{statement.unsigned_integer(0)}, statement.unsigned_integer(1),
                              statement.unsigned_integer(2)},
                             replication});
}

Result<std::uint64_t> NamespaceTree::free_blocks(InodeId file, std::uint64_t limit) {
  const std::size_t before = effects_.blocks.size();
  {
    const StatementScope scope(file_blocks_);
    file_blocks_.bind_all(file.value, limit, std::uint64_t{0});
    while (true) {
      MDFS_TRY(const bool row, file_blocks_.step());
      if (!row) break;
      note_block(BlockEffect::Kind::kFreed, file_blocks_,
                 static_cast<std::uint8_t>(file_blocks_.integer(3)));
    }
  }
  for (std::size_t i = before; i < effects_.blocks.size(); ++i) {
    MDFS_CHECK(delete_block_.bind_all(effects_.blocks[i].block.id.value).run());
  }
  const std::uint64_t freed = effects_.blocks.size() - before;
  state_.counters.blocks -= freed;
  if (has_runs_) MDFS_CHECK(free_runs(file, freed));
  return freed;
}

Status NamespaceTree::set_replication(Place place, const Found& found, std::uint8_t replication) {
  view_.mark(place.parent, commit_);
  update_replication_.bind(1, place.parent.value);
  update_replication_.bind_text(2, place.name);
  update_replication_.bind(3, std::int64_t{replication});
  MDFS_CHECK(update_replication_.run());
  MDFS_TRY([[maybe_unused]] const std::uint64_t done,
           retarget({found.id, replication, 0}, kBlocksAtOnce));
  return {};
}

Result<std::uint64_t> NamespaceTree::retarget(const RetargetedFile& file, std::uint64_t limit) {
  const std::size_t before = effects_.blocks.size();
  std::uint64_t seen = 0;
  {
    const StatementScope scope(file_blocks_);
    file_blocks_.bind_all(file.inode.value, limit, file.position);
    while (true) {
      MDFS_TRY(const bool row, file_blocks_.step());
      if (!row) break;
      ++seen;
      if (file_blocks_.integer(3) == file.replication) continue;
      note_block(BlockEffect::Kind::kRetargeted, file_blocks_, file.replication);
    }
  }
  for (std::size_t i = before; i < effects_.blocks.size(); ++i) {
    MDFS_CHECK(retarget_block_.bind_all(effects_.blocks[i].block.id.value, file.replication).run());
  }
  if (seen == limit) {
    retargeting_ = true;
    MDFS_CHECK(
        write_retargeted_
            .bind_all(file.inode.value, std::uint64_t{file.replication}, file.position + seen)
            .run());
    return seen;
  }
  MDFS_CHECK(delete_retargeted_.bind_all(file.inode.value).run());
  return seen + 1;
}

Result<NamespaceTree::RetargetedFile> NamespaceTree::first_retargeted() {
  const StatementScope scope(first_retargeted_);
  MDFS_TRY(const bool row, first_retargeted_.step());
  if (!row) return RetargetedFile{};
  return RetargetedFile{InodeId{first_retargeted_.unsigned_integer(0)},
                        static_cast<std::uint8_t>(first_retargeted_.integer(1)),
                        first_retargeted_.unsigned_integer(2)};
}

Result<NamespaceTree::RemovedEntry> NamespaceTree::first_removed() {
  const StatementScope scope(first_removed_);
  MDFS_TRY(const bool row, first_removed_.step());
  if (!row) return RemovedEntry{};
  return RemovedEntry{first_removed_.integer(0),
                      {InodeId{first_removed_.unsigned_integer(1)},
                       static_cast<FileKind>(first_removed_.integer(2)), 0}};
}

Result<std::uint64_t> NamespaceTree::purge_children(InodeId directory, std::uint64_t limit) {
  struct Child {
    std::string name;
    Found found;
  };
  std::vector<Child> children;
  {
    const StatementScope scope(children_);
    children_.bind_all(directory.value, std::min(limit, kChildrenAtOnce));
    while (true) {
      MDFS_TRY(const bool row, children_.step());
      if (!row) break;
      children.push_back(
          {std::string(children_.bytes(0)),
           {InodeId{children_.unsigned_integer(1)}, static_cast<FileKind>(children_.integer(2)),
            children_.unsigned_integer(3)}});
    }
  }
  const std::size_t blocks_before = effects_.blocks.size();
  std::uint64_t inodes = 0;
  for (const Child& child : children) {
    if (inodes + effects_.blocks.size() - blocks_before >= limit) break;
    // A directory's own children are looked at when its turn comes; it counts as work once there.
    MDFS_CHECK(unlink({directory, child.name}, child.found));
    ++inodes;
  }
  return inodes + effects_.blocks.size() - blocks_before;
}

Result<std::uint64_t> NamespaceTree::purge_entry(const RemovedEntry& entry, std::uint64_t limit) {
  if (entry.found.is_directory()) {
    MDFS_TRY(const std::uint64_t done, purge_children(entry.found.id, limit));
    if (done > 0) return done;
    --state_.counters.directories;
  } else {
    MDFS_TRY(const std::uint64_t freed, free_blocks(entry.found.id, limit));
    if (freed == limit) return freed;
    --state_.counters.files;
  }
  MDFS_CHECK(delete_removed_.bind_all(entry.id).run());
  --removed_count_;
  return std::uint64_t{1};
}

Result<std::uint64_t> NamespaceTree::purge_some(std::uint64_t limit) {
  if (retargeting_) {
    MDFS_TRY(const RetargetedFile file, first_retargeted());
    if (file.inode != InodeId{}) return retarget(file, limit);
    retargeting_ = false;
  }
  MDFS_TRY(const RemovedEntry entry, first_removed());
  if (entry.id == 0) return std::uint64_t{0};
  return purge_entry(entry, limit);
}

Result<std::uint64_t> NamespaceTree::purge(std::uint32_t limit) {
  std::uint64_t done = 0;
  while (done < limit) {
    MDFS_TRY(const std::uint64_t more, purge_some(limit - done));
    if (more == 0) break;
    done += more;
  }
  return done;
}

Status NamespaceTree::set_node_admin(const metadata::NodeAdmin& decision) {
  effects_.node_admins.push_back(decision);
  const NodeId& node = decision.node;
  if (decision.admin == metadata::AdminState::kInService) {
    return delete_admin_.bind_all(node.high, node.low).run();
  }
  return write_admin_.bind_all(node.high, node.low, decision.admin, decision.until_ms).run();
}

}  // namespace minidfs::storage
