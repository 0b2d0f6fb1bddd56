// The part of NamespaceTree that has to do with files that grow.
#include "metadata/path.hpp"
#include "storage/namespace/namespace_tree.hpp"

namespace minidfs::storage {

using metadata::FileInfo;
using metadata::FileKind;
using metadata::Place;

namespace {

// Renames can make a tree deeper than any path that is accepted; this bounds the way up. The same
// on every namenode, as it decides about entries.
constexpr std::size_t kDepthMax = 4 * metadata::kPathComponentsMax;

}  // namespace

Result<std::optional<FileInfo>> NamespaceTree::file(InodeId id) {
  FileInfo file;
  file.id = id;
  {
    const StatementScope scope(find_file_);
    find_file_.bind(1, id.value);
    MDFS_TRY(const bool row, find_file_.step());
    if (!row || find_file_.integer(0) != static_cast<std::int64_t>(FileKind::kFile)) {
      return std::optional<FileInfo>();
    }
    file.parent = InodeId{find_file_.unsigned_integer(1)};
    file.length = find_file_.unsigned_integer(2);
    file.block_size = find_file_.unsigned_integer(3);
    file.replication = static_cast<std::uint8_t>(find_file_.integer(4));
  }
  MDFS_TRY(const bool reachable, is_reachable(file.parent));
  if (!reachable) return std::optional<FileInfo>();
  const StatementScope scope(last_block_);
  last_block_.bind(1, id.value);
  MDFS_TRY(const bool row, last_block_.step());
  if (row) file.blocks = last_block_.unsigned_integer(0) + 1;
  return std::optional(file);
}

// What is below a removed directory has entries until it is purged.
Result<bool> NamespaceTree::is_reachable(InodeId directory) {
  for (std::size_t depth = 0; directory != metadata::kRootInode; ++depth) {
    if (depth == kDepthMax) return false;
    const auto known = directories_.find(directory.value);
    if (known != directories_.end()) {
      directory = known->second->parent;
      continue;
    }
    const StatementScope scope(find_inode_);
    find_inode_.bind(1, directory.value);
    MDFS_TRY(const bool row, find_inode_.step());
    if (!row) return false;
    directory = InodeId{find_inode_.unsigned_integer(7)};
  }
  return true;
}

Status NamespaceTree::append(const FileInfo& file, std::span<const metadata::Block> blocks,
                             std::int64_t time_ms) {
  view_.mark(file.parent, commit_);
  MDFS_TRY(Run run, last_run(file));
  FileInfo grown = file;
  for (const metadata::Block& block : blocks) {
    MDFS_CHECK(extend(run, grown, block.length));
    grown.length += block.length;
    ++grown.blocks;
  }
  MDFS_CHECK(insert_blocks(file.id, file.replication, file.blocks, blocks));
  state_.counters.bytes += grown.length - file.length;
  return set_length(grown, time_ms);
}

Status NamespaceTree::take_over(FileInfo& target, Place place, const FileInfo& source,
                                std::int64_t time_ms) {
  MDFS_CHECK(move_runs(target, source));
  MDFS_CHECK(move_blocks(target, source));
  // The blocks have the target's copies already.
  if (retargeting_) MDFS_CHECK(delete_retargeted_.bind_all(source.id.value).run());
  MDFS_CHECK(delete_row(place));
  --state_.counters.files;
  target.length += source.length;
  target.blocks += source.blocks;
  return set_length(target, time_ms);
}

Status NamespaceTree::set_length(const FileInfo& file, std::int64_t time_ms) {
  return update_length_.bind_all(file.id.value, file.length, time_ms).run();
}

Status NamespaceTree::move_blocks(const FileInfo& target, const FileInfo& source) {
  std::vector<BlockId> ids;
  {
    const StatementScope scope(file_blocks_);
    file_blocks_.bind_all(source.id.value, source.blocks, std::uint64_t{0});
    while (true) {
      MDFS_TRY(const bool row, file_blocks_.step());
      if (!row) break;
      ids.push_back(BlockId{file_blocks_.unsigned_integer(0)});
      if (file_blocks_.integer(3) == target.replication) continue;
      note_block(BlockEffect::Kind::kRetargeted, file_blocks_, target.replication);
    }
  }
  std::uint64_t position = target.blocks;
  for (const BlockId id : ids) {
    MDFS_CHECK(
        move_block_
            .bind_all(id.value, target.id.value, position++, std::uint64_t{target.replication})
            .run());
  }
  return {};
}

// --- Runs ---

Result<NamespaceTree::Run> NamespaceTree::last_run(const FileInfo& file) {
  const Run whole{0, 0, file.block_size};
  if (!has_runs_) return whole;
  const StatementScope scope(last_run_);
  last_run_.bind(1, file.id.value);
  MDFS_TRY(const bool row, last_run_.step());
  if (!row) return whole;
  return Run{last_run_.unsigned_integer(0), last_run_.unsigned_integer(1),
             last_run_.unsigned_integer(2)};
}

Result<std::vector<NamespaceTree::Run>> NamespaceTree::runs_of(const FileInfo& file) {
  std::vector<Run> runs{{0, 0, file.block_size}};
  if (!has_runs_) return runs;
  const StatementScope scope(file_runs_);
  file_runs_.bind(1, file.id.value);
  while (true) {
    MDFS_TRY(const bool row, file_runs_.step());
    if (!row) return runs;
    const Run run{file_runs_.unsigned_integer(0), file_runs_.unsigned_integer(1),
                  file_runs_.unsigned_integer(2)};
    if (run.first_byte == 0) runs.clear();
    runs.push_back(run);
  }
}

Status NamespaceTree::extend(Run& run, const FileInfo& file, std::uint64_t length) {
  if (length <= run.block_size && run.is_full(file)) return {};
  run = {file.length, file.blocks, file.block_size};
  return insert_run(file.id, run);
}

Status NamespaceTree::insert_run(InodeId file, const Run& run) {
  has_runs_ = true;
  return insert_run_.bind_all(file.value, run.first_byte, run.first_block, run.block_size).run();
}

Status NamespaceTree::move_runs(const FileInfo& target, const FileInfo& source) {
  MDFS_TRY(const Run last, last_run(target));
  MDFS_TRY(const auto runs, runs_of(source));
  if (has_runs_) MDFS_CHECK(free_runs(source.id, source.blocks));
  // The first one may go on where the target ends.
  const bool joins = runs.front().block_size == last.block_size && last.is_full(target);
  for (std::size_t i = joins ? 1 : 0; i < runs.size(); ++i) {
    const Run& run = runs[i];
    MDFS_CHECK(insert_run(target.id, {target.length + run.first_byte,
                                      target.blocks + run.first_block, run.block_size}));
  }
  return {};
}

Status NamespaceTree::free_runs(InodeId file, std::uint64_t blocks) {
  return delete_runs_.bind_all(file.value, blocks).run();
}

}  // namespace minidfs::storage
