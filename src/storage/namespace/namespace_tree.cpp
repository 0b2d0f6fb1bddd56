#include "storage/namespace/namespace_tree.hpp"

#include <algorithm>

namespace minidfs::storage {

using metadata::Block;
using metadata::DirectoryInfo;
using metadata::FileKind;
using metadata::FileStatus;
using metadata::Found;
using metadata::Place;

namespace {

// About 4 MB.
constexpr std::size_t kDirectoriesMax = 16384;

// Columns of find_ and find_inode_, in this order.
constexpr char kFindColumns[] =
    "inode, kind, length, permission, \"group\", modified_ms, children, parent, name";

}  // namespace

Result<std::unique_ptr<NamespaceTree>> NamespaceTree::open(Database& database, NamespaceView& view,
                                                           const TreeState& state) {
  std::unique_ptr<NamespaceTree> tree(new NamespaceTree(view, state));
  MDFS_TRY(tree->names_, NameNumbers::open(database));
  MDFS_CHECK(tree->prepare(database));
  MDFS_TRY(const std::int64_t removed, database.integer("SELECT count(*) FROM removed"));
  tree->removed_count_ = static_cast<std::uint64_t>(removed);
  MDFS_TRY(const std::int64_t retargeted, database.integer("SELECT count(*) FROM retargeted"));
  tree->retargeting_ = retargeted > 0;
  MDFS_TRY(const std::int64_t runs, database.integer("SELECT EXISTS(SELECT 1 FROM run)"));
  tree->has_runs_ = runs > 0;
  return tree;
}

Status NamespaceTree::prepare(Database& database) {
  const std::string select = std::string("SELECT ") + kFindColumns + " FROM dentry ";
  const std::pair<Statement*, std::string> statements[] = {
      {&find_, select + "WHERE parent = ?1 AND name = ?2"},
      {&find_inode_, select + "WHERE inode = ?1"},
      {&insert_directory_,
       "INSERT INTO dentry(parent, name, inode, kind, permission, owner, \"group\", modified_ms, "
       "children) VALUES(?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, 0)"},
      {&insert_file_,
       "INSERT INTO dentry(parent, name, inode, kind, permission, owner, \"group\", modified_ms, "
       "length, accessed_ms, block_size, replication, compression) "
       "VALUES(?1, ?2, ?3, 2, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
      {&delete_, "DELETE FROM dentry WHERE parent = ?1 AND name = ?2"},
      {&move_, "UPDATE dentry SET parent = ?3, name = ?4 WHERE parent = ?1 AND name = ?2"},
      {&update_directory_,
       "UPDATE dentry SET modified_ms = ?3, children = ?4 WHERE parent = ?1 AND name = ?2"},
      {&update_replication_, "UPDATE dentry SET replication = ?3 WHERE parent = ?1 AND name = ?2"},
      // NULL stands for the time of the modification, as it was.
      {&update_attributes_,
       "UPDATE dentry SET permission = coalesce(?2, permission), "
       "modified_ms = coalesce(?3, modified_ms), accessed_ms = "
       "CASE kind WHEN 2 THEN coalesce(?4, accessed_ms, modified_ms) END WHERE inode = ?1"},
      {&update_owner_,
       "UPDATE dentry SET owner = coalesce(?2, owner), \"group\" = coalesce(?3, \"group\") "
       "WHERE inode = ?1"},
      // The time of the last access stays what it was, though it may have stood for another one.
      {&update_length_,
       "UPDATE dentry SET length = ?2, modified_ms = ?3, "
       "accessed_ms = coalesce(accessed_ms, modified_ms) WHERE inode = ?1"},
      {&find_file_,
       "SELECT kind, parent, length, block_size, replication FROM dentry WHERE inode = ?1"},
      {&last_block_, "SELECT position FROM block WHERE inode = ?1 ORDER BY position DESC LIMIT 1"},
      {&insert_run_, "INSERT INTO run VALUES(?1, ?2, ?3, ?4)"},
      {&last_run_,
       "SELECT first_byte, first_block, block_size FROM run WHERE inode = ?1 "
       "ORDER BY first_byte DESC LIMIT 1"},
      {&file_runs_,
       "SELECT first_byte, first_block, block_size FROM run WHERE inode = ?1 ORDER BY first_byte"},
      {&delete_runs_,
       "DELETE FROM run WHERE inode = ?1 AND first_byte IN "
       "(SELECT first_byte FROM run WHERE inode = ?1 ORDER BY first_byte LIMIT ?2)"},
      {&move_block_, "UPDATE block SET inode = ?2, position = ?3, replication = ?4 WHERE id = ?1"},
      {&find_block_, "SELECT 1 FROM block WHERE id = ?1"},
      {&first_block_, "SELECT id FROM block WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1"},
      {&find_mark_, "SELECT 1 FROM leadership WHERE mark = ?1"},
      {&insert_mark_, "INSERT INTO leadership VALUES(?1, ?2)"},
      {&update_epoch_,
       "UPDATE state SET life_high = ?1, life_low = ?2, leadership = ?3 WHERE id = 1"},
      {&insert_began_, "INSERT OR IGNORE INTO leadership_began VALUES(?1, ?2, ?3, ?4)"},
      {&insert_past_, "INSERT OR IGNORE INTO past_life VALUES(?1, ?2, ?3, ?4, 0)"},
      {&give_up_past_, "UPDATE past_life SET given_up = 1"},
      {&find_given_up_, "SELECT 1 FROM given_up_mark WHERE mark = ?1"},
      {&insert_given_up_, "INSERT OR IGNORE INTO given_up_mark VALUES(?1)"},
      {&retired_from_,
       "SELECT first, last FROM retired WHERE first <= ?1 ORDER BY first DESC LIMIT 1"},
      {&retired_after_, "SELECT first FROM retired WHERE first > ?1 ORDER BY first LIMIT 1"},
      {&retired_until_, "SELECT max(last) FROM retired WHERE first BETWEEN ?1 AND ?2"},
      {&delete_retired_, "DELETE FROM retired WHERE first BETWEEN ?1 AND ?2"},
      {&insert_retired_, "INSERT INTO retired VALUES(?1, ?2)"},
      {&insert_block_, "INSERT INTO block VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
      {&file_blocks_,
       "SELECT id, generation, length, replication FROM block WHERE inode = ?1 AND "
       "position >= ?3 ORDER BY position LIMIT ?2"},
      {&delete_block_, "DELETE FROM block WHERE id = ?1"},
      {&retarget_block_, "UPDATE block SET replication = ?2 WHERE id = ?1"},
      {&write_retargeted_, "INSERT OR REPLACE INTO retargeted VALUES(?1, ?2, ?3)"},
      {&first_retargeted_,
       "SELECT inode, replication, position FROM retargeted ORDER BY inode LIMIT 1"},
      {&delete_retargeted_, "DELETE FROM retargeted WHERE inode = ?1"},
      {&select_staged_,
       "SELECT high, low, inode, blocks, block_size, replication FROM staged WHERE session = ?1"},
      {&write_staged_, "INSERT OR REPLACE INTO staged VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&delete_staged_, "DELETE FROM staged WHERE session = ?1"},
      {&add_removed_, "INSERT INTO removed(inode, kind) VALUES(?1, ?2)"},
      // The newest first: a tree is then purged depth first, and the table stays short.
      {&first_removed_, "SELECT id, inode, kind FROM removed ORDER BY id DESC LIMIT 1"},
      {&delete_removed_, "DELETE FROM removed WHERE id = ?1"},
      {&children_,
       "SELECT name, inode, kind, length FROM dentry WHERE parent = ?1 ORDER BY name LIMIT ?2"},
      {&write_admin_, "INSERT OR REPLACE INTO node_admin VALUES(?1, ?2, ?3, ?4)"},
      {&delete_admin_, "DELETE FROM node_admin WHERE high = ?1 AND low = ?2"}};
  for (const auto& [statement, sql] : statements) {
    MDFS_TRY(*statement, database.prepare(sql));
  }
  return {};
}

NamespaceTree::Directory& NamespaceTree::remember(InodeId id, Directory directory) {
  forget(id);
  auto& slot = directories_[id.value];
  slot = std::make_unique<Directory>(std::move(directory));
  by_name_.emplace(Key{slot->parent.value, slot->name}, id.value);
  return *slot;
}

void NamespaceTree::forget(InodeId id) {
  const auto known = directories_.find(id.value);
  if (known == directories_.end()) return;
  by_name_.erase(Key{known->second->parent.value, known->second->name});
  directories_.erase(known);
}

Result<Found> NamespaceTree::find(Place place) {
  const auto known = by_name_.find(Key{place.parent.value, place.name});
  if (known != by_name_.end()) return Found{InodeId{known->second}, FileKind::kDirectory, 0};
  const StatementScope scope(find_);
  find_.bind(1, place.parent.value);
  find_.bind_text(2, place.name);
  MDFS_TRY(const bool row, find_.step());
  if (!row) return Found{};
  const Found found{InodeId{find_.unsigned_integer(0)}, static_cast<FileKind>(find_.integer(1)),
                    find_.unsigned_integer(2)};
  if (found.is_directory()) {
    remember(found.id,
             Directory{place.parent, std::string(place.name),
                       static_cast<std::uint16_t>(find_.integer(3)), find_.integer(4),
                       find_.integer(5), static_cast<std::uint32_t>(find_.integer(6)), false});
  }
  return found;
}

Result<NamespaceTree::Directory*> NamespaceTree::loaded_directory(InodeId id) {
  const auto known = directories_.find(id.value);
  if (known != directories_.end()) return known->second.get();
  const StatementScope scope(find_inode_);
  find_inode_.bind(1, id.value);
  MDFS_TRY(const bool row, find_inode_.step());
  if (!row || find_inode_.integer(1) != static_cast<std::int64_t>(FileKind::kDirectory)) {
    return Error{Errc::kCorrupt,
                 "namespace database: inode " + to_string(id) + " is not a directory in it"};
  }
  return &remember(
      id,
      Directory{InodeId{find_inode_.unsigned_integer(7)}, std::string(find_inode_.bytes(8)),
                static_cast<std::uint16_t>(find_inode_.integer(3)), find_inode_.integer(4),
                find_inode_.integer(5), static_cast<std::uint32_t>(find_inode_.integer(6)), false});
}

Result<DirectoryInfo> NamespaceTree::directory(InodeId id) {
  MDFS_TRY(const Directory* known, loaded_directory(id));
  MDFS_TRY(const std::string_view group, names_.text(known->group));
  return DirectoryInfo{known->permission, std::string(group), known->children};
}

Status NamespaceTree::insert(InodeId parent, const FileStatus& entry,
                             std::span<const Block> blocks) {
  view_.mark(parent, commit_);
  MDFS_CHECK(insert_row(parent, entry));
  if (entry.kind == FileKind::kDirectory) {
    ++state_.counters.directories;
    return {};
  }
  ++state_.counters.files;
  state_.counters.bytes += entry.length;
  return insert_blocks(entry.id, entry.replication, 0, blocks);
}

Status NamespaceTree::insert_row(InodeId parent, const FileStatus& entry) {
  MDFS_TRY(const std::int64_t owner, names_.number(entry.owner));
  MDFS_TRY(const std::int64_t group, names_.number(entry.group));
  const bool is_directory = entry.kind == FileKind::kDirectory;
  Statement& statement = is_directory ? insert_directory_ : insert_file_;
  statement.bind_all(parent.value, 0, entry.id.value, entry.permission, owner, group,
                     entry.modified_ms);
  statement.bind_text(2, entry.name);
  if (is_directory) {
    remember(entry.id,
             Directory{parent, entry.name, entry.permission, group, entry.modified_ms, 0, false});
    return statement.run();
  }
  MDFS_TRY(const std::int64_t compression, names_.number(entry.compression));
  statement.bind(8, entry.length);
  // NULL stands for the same as modified_ms, the usual case, and takes no room.
  if (entry.accessed_ms == entry.modified_ms) {
    statement.bind_null(9);
  } else {
    statement.bind(9, entry.accessed_ms);
  }
  statement.bind(10, entry.block_size);
  statement.bind(11, std::int64_t{entry.replication});
  statement.bind(12, compression);
  return statement.run();
}

Status NamespaceTree::move(Place from, Place to, const Found& found) {
  view_.mark(from.parent, commit_);
  view_.mark(to.parent, commit_);
  if (found.is_directory()) {
    view_.mark_tree(commit_);
    MDFS_TRY(const Directory* known, loaded_directory(found.id));
    Directory moved = *known;
    moved.parent = to.parent;
    moved.name = to.name;
    forget(found.id);
    // Still dirty when it was: flush() then finds the row at its new place.
    remember(found.id, std::move(moved));
  }
  move_.bind(1, from.parent.value);
  move_.bind_text(2, from.name);
  move_.bind(3, to.parent.value);
  move_.bind_text(4, to.name);
  return move_.run();
}

Status NamespaceTree::set_attributes(Place place, const Found& found,
                                     const metadata::EntryAttributes& attributes) {
  using metadata::EntryAttributes;
  InodeId listed_in = place.parent;
  if (found.is_directory()) {
    // What is remembered of it is written with the batch.
    MDFS_TRY(Directory * known, loaded_directory(found.id));
    listed_in = known->parent;
    if (attributes.permission != EntryAttributes::kKeepPermission) {
      known->permission = static_cast<std::uint16_t>(attributes.permission);
    }
    if (attributes.modified_ms != EntryAttributes::kKeepTime) {
      known->modified_ms = attributes.modified_ms;
    }
  }
  view_.mark(listed_in, commit_);
  update_attributes_.bind(1, found.id.value);
  const auto bind = [&](int index, std::int64_t value, bool keep) {
    if (keep) {
      update_attributes_.bind_null(index);
    } else {
      update_attributes_.bind(index, value);
    }
  };
  bind(2, attributes.permission, attributes.permission == EntryAttributes::kKeepPermission);
  bind(3, attributes.modified_ms, attributes.modified_ms == EntryAttributes::kKeepTime);
  bind(4, attributes.accessed_ms, attributes.accessed_ms == EntryAttributes::kKeepTime);
  return update_attributes_.run();
}

Status NamespaceTree::set_owner(Place place, const Found& found,
                                const metadata::EntryOwner& owner) {
  InodeId listed_in = place.parent;
  update_owner_.bind(1, found.id.value);
  update_owner_.bind_null(2);
  update_owner_.bind_null(3);
  if (!owner.owner.empty()) {
    MDFS_TRY(const std::int64_t number, names_.number(owner.owner));
    update_owner_.bind(2, number);
  }
  std::optional<std::int64_t> group;
  if (!owner.group.empty()) {
    MDFS_TRY(group, names_.number(owner.group));
    update_owner_.bind(3, *group);
  }
  if (found.is_directory()) {
    // New entries in it get the group that is remembered.
    MDFS_TRY(Directory * known, loaded_directory(found.id));
    listed_in = known->parent;
    if (group) known->group = *group;
  }
  view_.mark(listed_in, commit_);
  return update_owner_.run();
}

Status NamespaceTree::touch_directory(InodeId id, std::int32_t children_delta,
                                      std::int64_t time_ms) {
  MDFS_TRY(Directory * known, loaded_directory(id));
  known->children = static_cast<std::uint32_t>(std::int64_t{known->children} + children_delta);
  known->modified_ms = time_ms;
  if (!known->dirty) {
    known->dirty = true;
    dirty_.push_back(id.value);
  }
  return {};
}

Status NamespaceTree::flush() {
  // In the order of keys neighbouring rows are written together.
  std::sort(dirty_.begin(), dirty_.end());
  for (const std::uint64_t id : dirty_) {
    const auto known = directories_.find(id);
    if (known == directories_.end() || !known->second->dirty) continue;
    Directory& directory = *known->second;
    directory.dirty = false;
    view_.mark(directory.parent, commit_);
    update_directory_.bind(1, directory.parent.value);
    update_directory_.bind_text(2, directory.name);
    update_directory_.bind(3, directory.modified_ms);
    update_directory_.bind(4, std::int64_t{directory.children});
    MDFS_CHECK(update_directory_.run());
  }
  dirty_.clear();
  if (directories_.size() > kDirectoriesMax) {
    by_name_.clear();
    directories_.clear();
  }
  return {};
}

}  // namespace minidfs::storage
