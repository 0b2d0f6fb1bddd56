// The simplest NamespaceTable: what the rules do to it can be read off directly.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "metadata/namespace_history.hpp"
#include "metadata/namespace_table.hpp"

namespace minidfs::metadata::test {

class MemoryTable : public NamespaceTable {
 public:
  using Key = std::pair<std::uint64_t, std::string>;
  struct Entry {
    FileStatus status;
    std::vector<Block> blocks;
  };

  MemoryTable() {
    FileStatus root;
    root.id = kRootInode;
    root.kind = FileKind::kDirectory;
    root.permission = 0755;
    root.owner = "root";
    root.group = "supergroup";
    entries_[{0, ""}].status = root;
  }

  Result<Found> find(Place place) override {
    const auto at = entries_.find({place.parent.value, std::string(place.name)});
    if (at == entries_.end()) return Found{};
    const FileStatus& status = at->second.status;
    return Found{status.id, status.kind, status.length};
  }
  Result<DirectoryInfo> directory(InodeId id) override {
    const FileStatus& status = by_id(id).status;
    return DirectoryInfo{status.permission, status.group, status.children};
  }
  Result<std::optional<FileInfo>> file(InodeId id) override {
    for (const auto& [path, entry] : tree()) {
      const FileStatus& status = entry.status;
      if (status.id != id || status.kind != FileKind::kFile) continue;
      return std::optional(FileInfo{id, parent_of(id), status.length, status.block_size,
                                    status.replication, entry.blocks.size()});
    }
    return std::optional<FileInfo>();
  }
  Result<bool> owns(BlockId block) override { return owned_.count(block.value) != 0; }
  InodeId take_inode_id() override { return InodeId{next_inode_++}; }
  std::uint64_t block_id_bound() const override { return block_bound_; }
  void set_block_id_bound(std::uint64_t bound) override { block_bound_ = bound; }
  std::uint64_t leadership() const override { return epoch_.leadership; }
  Result<bool> uses_mark(BlockMark mark) override { return marks_.count(mark) != 0; }
  Status begin_leadership(const Epoch& epoch, BlockMark mark) override {
    if (!epoch.life.is_none()) epoch_.life = epoch.life;
    epoch_.leadership = epoch.leadership;
    marks_.insert(mark);
    history_.begin_leadership(epoch, mark, entry_);
    return {};
  }
  Result<bool> gave_up_mark(BlockMark mark) override { return given_up_.count(mark) != 0; }
  Status give_up(std::span<const LifeId> lives, std::span<const BlockMark> marks) override {
    given_up_.insert(marks.begin(), marks.end());
    history_.give_up(lives, marks);
    return {};
  }
  // The number of the entry that is applied next.
  void set_entry(std::uint64_t number) { entry_ = number; }
  const NamespaceHistory& history() const { return history_; }
  Result<bool> is_retired(BlockId block) override { return retired_.count(block.value) != 0; }
  Status retire(BlockId first, BlockId last) override {
    for (std::uint64_t id = first.value; id <= last.value; ++id) retired_.insert(id);
    return {};
  }
  Result<std::optional<BlockId>> first_owned(BlockId first, BlockId last) override {
    const auto at = owned_.lower_bound(first.value);
    if (at == owned_.end() || *at > last.value) return std::optional<BlockId>();
    return std::optional(BlockId{*at});
  }
  const Epoch& epoch() const { return epoch_; }

  Status insert(InodeId parent, const FileStatus& entry, std::span<const Block> blocks) override {
    const bool is_new =
        entries_
            .try_emplace({parent.value, entry.name}, Entry{entry, {blocks.begin(), blocks.end()}})
            .second;
    MDFS_ASSERT(is_new);
    for (const Block& block : blocks) owned_.insert(block.id.value);
    return {};
  }
  Result<std::optional<StagedFile>> staged(std::uint64_t session) override {
    const auto at = staged_.find(session);
    if (at == staged_.end()) return std::optional<StagedFile>();
    return std::optional(at->second.file);
  }
  Status stage(const StagedFile& file, std::span<const Block> blocks) override {
    Staged& staged = staged_[file.session];
    MDFS_ASSERT(staged.blocks.size() == file.blocks);
    staged.blocks.insert(staged.blocks.end(), blocks.begin(), blocks.end());
    staged.file = file;
    staged.file.blocks = staged.blocks.size();
    for (const Block& block : blocks) owned_.insert(block.id.value);
    return {};
  }
  Status insert_staged(InodeId parent, const FileStatus& entry, const StagedFile& file,
                       std::span<const Block> rest) override {
    std::vector<Block> blocks = std::move(staged_.at(file.session).blocks);
    staged_.erase(file.session);
    blocks.insert(blocks.end(), rest.begin(), rest.end());
    return insert(parent, entry, blocks);
  }
  Status drop_staged(const StagedFile& file) override {
    for (const Block& block : staged_.at(file.session).blocks) owned_.erase(block.id.value);
    staged_.erase(file.session);
    return {};
  }
  Status append(const FileInfo& file, std::span<const Block> blocks,
                std::int64_t time_ms) override {
    Entry& entry = by_id(file.id);
    entry.blocks.insert(entry.blocks.end(), blocks.begin(), blocks.end());
    for (const Block& block : blocks) {
      entry.status.length += block.length;
      owned_.insert(block.id.value);
    }
    entry.status.modified_ms = time_ms;
    return {};
  }
  Status take_over(FileInfo& target, Place place, const FileInfo& source,
                   std::int64_t time_ms) override {
    const auto at = entries_.find({place.parent.value, std::string(place.name)});
    MDFS_ASSERT(at != entries_.end() && at->second.status.id == source.id);
    const auto blocks = std::move(at->second.blocks);
    entries_.erase(at);
    MDFS_CHECK(append(target, blocks, time_ms));
    target.length += source.length;
    target.blocks += source.blocks;
    return {};
  }
  Status unlink(Place place, const Found& found) override {
    const auto at = entries_.find({place.parent.value, std::string(place.name)});
    MDFS_ASSERT(at != entries_.end() && at->second.status.id == found.id);
    for (const Block& block : at->second.blocks) owned_.erase(block.id.value);
    entries_.erase(at);
    return {};
  }
  Status move(Place from, Place to, const Found&) override {
    auto node = entries_.extract({from.parent.value, std::string(from.name)});
    node.key() = {to.parent.value, std::string(to.name)};
    node.mapped().status.name = to.name;
    MDFS_ASSERT(entries_.insert(std::move(node)).inserted);
    return {};
  }
  Status set_replication(Place place, const Found&, std::uint8_t replication) override {
    entries_.at({place.parent.value, std::string(place.name)}).status.replication = replication;
    return {};
  }
  Status set_attributes(Place, const Found& found, const EntryAttributes& attributes) override {
    FileStatus& status = by_id(found.id).status;
    if (attributes.permission != EntryAttributes::kKeepPermission) {
      status.permission = static_cast<std::uint16_t>(attributes.permission);
    }
    if (attributes.modified_ms != EntryAttributes::kKeepTime) {
      status.modified_ms = attributes.modified_ms;
    }
    if (!found.is_directory() && attributes.accessed_ms != EntryAttributes::kKeepTime) {
      status.accessed_ms = attributes.accessed_ms;
    }
    return {};
  }
  Status set_owner(Place, const Found& found, const EntryOwner& owner) override {
    FileStatus& status = by_id(found.id).status;
    if (!owner.owner.empty()) status.owner = owner.owner;
    if (!owner.group.empty()) status.group = owner.group;
    return {};
  }
  Status set_node_admin(const NodeAdmin& decision) override {
    admins_[to_string(decision.node)] = decision;
    return {};
  }
  Status touch_directory(InodeId id, std::int32_t delta, std::int64_t time_ms) override {
    FileStatus& status = by_id(id).status;
    status.children =
        static_cast<std::uint32_t>(static_cast<std::int32_t>(status.children) + delta);
    status.modified_ms = time_ms;
    return {};
  }
  Result<std::uint64_t> purge(std::uint32_t) override {
    // Frees the blocks of what cannot be reached from the root.
    std::set<std::uint64_t> reachable;
    collect(kRootInode, reachable);
    for (const auto& [session, staged] : staged_) {
      for (const Block& block : staged.blocks) reachable.insert(block.id.value);
    }
    owned_ = reachable;
    return std::uint64_t{0};
  }

  // All that can be reached, by path.
  std::map<std::string, Entry> tree() const {
    std::map<std::string, Entry> out;
    out["/"] = entries_.at({0, ""});
    collect(kRootInode, "", out);
    return out;
  }

 private:
  std::map<std::string, NodeAdmin> admins_;

  InodeId parent_of(InodeId id) const {
    for (const auto& [key, entry] : entries_) {
      if (entry.status.id == id) return InodeId{key.first};
    }
    return {};
  }
  Entry& by_id(InodeId id) {
    for (auto& [key, entry] : entries_) {
      if (entry.status.id == id) return entry;
    }
    MDFS_ASSERT(false);
    return entries_.begin()->second;
  }
  void collect(InodeId id, const std::string& path, std::map<std::string, Entry>& out) const {
    for (auto at = entries_.lower_bound({id.value, ""});
         at != entries_.end() && at->first.first == id.value; ++at) {
      const std::string child = path + "/" + at->first.second;
      out[child] = at->second;
      collect(at->second.status.id, child, out);
    }
  }
  void collect(InodeId id, std::set<std::uint64_t>& blocks) const {
    std::map<std::string, Entry> out;
    collect(id, "", out);
    for (const auto& [path, entry] : out) {
      for (const Block& block : entry.blocks) blocks.insert(block.id.value);
    }
  }

  struct Staged {
    StagedFile file;
    std::vector<Block> blocks;
  };

  std::map<Key, Entry> entries_;
  std::map<std::uint64_t, Staged> staged_;  // By session.
  std::set<std::uint64_t> owned_;
  std::set<std::uint64_t> retired_;
  std::set<BlockMark> marks_;
  std::set<BlockMark> given_up_;
  NamespaceHistory history_;
  std::uint64_t entry_ = 1;
  Epoch epoch_;
  std::uint64_t next_inode_ = 2;
  std::uint64_t block_bound_ = 1;
};

}  // namespace minidfs::metadata::test
